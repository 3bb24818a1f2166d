/** Masks from clicks, boxes and masks by SAM and MobileSAM. */
import { type Image, type Planes, type Size, stack } from "@tessera-ml/media";
import { type Compiled, compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import { LABEL, type Prompt } from "../models/prompt-encoder.ts";
import type { Sam } from "../models/sam1/sam.ts";
import { type DecodedPrompts, type LabelledPoint, pointsOf, readPredictions } from "./batch.ts";
import { checkPrompt, type ImagePrompt, type Point, type Prediction } from "./prompt.ts";
import { preprocessSam, resizedSize, restoreMasks } from "./sam-image.ts";

export interface PredictOptions {
  /** Three guesses, for prompts that may mean a part or the whole; default false: one mask. */
  readonly multimask?: boolean;
}

type Decode = Compiled<[embedding: Tensor, prompt: Prompt, multimask: boolean], DecodedPrompts>;

/** The network in inference mode. The encoder runs once for a picture, the decoder for each question about it. */
export class SamPredictor {
  readonly model: Sam;
  readonly #encode: Compiled<[Tensor], Tensor>;
  readonly #decode: Decode;

  constructor(model: Sam) {
    this.model = model.eval();
    this.#encode = compile((x: Tensor) => model.encode(x), { freeze: true, name: "image encoder" });
    this.#decode = compile(
      (embedding: Tensor, prompt: Prompt, multimask: boolean) => {
        const { masks, iou } = model.decode(embedding, prompt);
        const [first, count] = multimask ? [1, 3] : [0, 1];
        return { masks: masks.narrow(1, first, count), iou: iou.narrow(1, first, count) };
      },
      { freeze: true, name: "mask decoder" },
    );
  }

  /** Encodes a picture. */
  async image(image: Image): Promise<SamImage> {
    const side = this.model.image;
    const { data } = preprocessSam(image, side);
    return this.encoded(
      this.#encode(fromArray(data as Float32Array<ArrayBuffer>, [1, 3, side, side])),
      image,
    );
  }

  /** A picture of this size that is encoded already. @param embedding [1, 256, side / 16, side / 16] */
  encoded(embedding: Tensor, { width, height }: Size): SamImage {
    return new SamImage(this.#decode, embedding, { width, height }, this.model.image);
  }

  /** Frees the sessions; the next call makes others. */
  release(): void {
    this.#encode.release();
    this.#decode.release();
  }
}

/** An encoded picture. */
export class SamImage {
  readonly #decode: Decode;
  readonly #embedding: Tensor;
  readonly #picture: Size;
  readonly #side: number;

  constructor(decode: Decode, embedding: Tensor, picture: Size, side: number) {
    this.#decode = decode;
    this.#embedding = embedding;
    this.#picture = picture;
    this.#side = side;
  }

  /**
   * The object that a prompt means: one mask, or three guesses.
   *
   * @throws SegmentError `bad-prompt`
   */
  async predict(prompt: ImagePrompt, options: PredictOptions = {}): Promise<Prediction> {
    return (await this.#ask(this.prompt(prompt), options))[0] as Prediction;
  }

  /**
   * A prompt as the network takes it.
   *
   * @throws SegmentError `bad-prompt`
   */
  prompt(prompt: ImagePrompt): Prompt {
    checkPrompt(prompt, this.#picture, this.#side / 4);
    const list = this.#list(prompt);
    const { mask } = prompt;
    return {
      points: list.length === 0 ? undefined : pointsOf([list]),
      mask: mask && fromArray(mask.data as Float32Array<ArrayBuffer>, [1, ...mask.shape]),
    };
  }

  /**
   * An object for each point, all in one batch.
   *
   * @param options.masks a mask prompt for each point
   * @throws SegmentError `bad-prompt`
   */
  async predictEach(
    points: readonly Point[],
    options: PredictOptions & { readonly masks?: readonly Planes[] } = {},
  ): Promise<Prediction[]> {
    const { masks } = options;
    const given = points.map((point, i): ImagePrompt => {
      const mask = masks?.[i];
      return { points: [point], labels: [1], ...(mask && { mask }) };
    });
    for (const prompt of given) checkPrompt(prompt, this.#picture, this.#side / 4);
    const stacked = masks && stack(masks);
    const mask = stacked && fromArray(stacked.data as Float32Array<ArrayBuffer>, [...stacked.shape]);
    return await this.#ask({ points: pointsOf(given.map((prompt) => this.#list(prompt))), mask }, options);
  }

  /** Clicks, then padding, or the corners of a box: in SAM's order. In pixels of the network's input. */
  #list({ points = [], labels = [], box }: ImagePrompt): LabelledPoint[] {
    const resized = resizedSize(this.#picture, this.#side);
    const [across, down] = [resized.width / this.#picture.width, resized.height / this.#picture.height];
    const at = (x: number, y: number, label: number): LabelledPoint => [x * across, y * down, label];
    const clicks = points.map(([x, y], i) => at(x, y, labels[i] as number));
    if (box) return [...clicks, at(box[0], box[1], LABEL.topLeft), at(box[2], box[3], LABEL.bottomRight)];
    return clicks.length === 0 ? [] : [...clicks, [0, 0, LABEL.padding]];
  }

  async #ask(prompt: Prompt, { multimask = false }: PredictOptions): Promise<Prediction[]> {
    const { masks, iou } = this.#decode(this.#embedding, prompt, multimask);
    return await readPredictions({ masks, iou }, (lowRes) => ({
      lowRes,
      logits: restoreMasks(lowRes, this.#picture, this.#side),
    }));
  }
}
