/** Masks of a picture from clicks, boxes and masks by SAM 2. */
import type { Image, Planes, Size } from "@tessera-ml/media";
import { type Compiled, compile, concat, fromArray, type Tensor } from "@tessera-ml/tensor";
import { LABEL, type Prompt } from "../models/prompt-encoder.ts";
import { chooseMasks, type ImageFeatures, type Sam2 } from "../models/sam2/sam2.ts";
import { type DecodedPrompts, type LabelledPoint, pointsOf, readPredictions } from "./batch.ts";
import { checkPrompt, type ImagePrompt, type Point, type Prediction } from "./prompt.ts";
import type { PredictOptions } from "./sam-predictor.ts";
import { preprocessSam2, restoreSquare } from "./sam2-image.ts";

type Decode = Compiled<[features: ImageFeatures, prompt: Prompt, multimask: boolean], DecodedPrompts>;

/** The network in inference mode. The encoder runs once for a picture, the decoder for each question about it. */
export class Sam2Predictor {
  readonly model: Sam2;
  readonly #encode: Compiled<[Tensor], ImageFeatures>;
  readonly #decode: Decode;

  constructor(model: Sam2) {
    this.model = model.eval();
    this.#encode = compile(
      (x: Tensor) => {
        const { map, finer } = model.encode(x);
        return { map: model.withoutMemory(map), finer };
      },
      { freeze: true, name: "image encoder" },
    );
    this.#decode = compile(
      ({ map, finer }: ImageFeatures, prompt: Prompt, multimask: boolean) =>
        chooseMasks(model.decode(map, finer, prompt), multimask),
      { freeze: true, name: "mask decoder" },
    );
  }

  /** Encodes a picture. */
  async image(image: Image): Promise<Sam2Image> {
    const side = this.model.image;
    const { data } = preprocessSam2(image, side);
    const input = fromArray(data as Float32Array<ArrayBuffer>, [1, 3, side, side]);
    return this.encoded(this.#encode(input), image);
  }

  /** A picture of this size that is encoded already. @param features with the map as {@link Sam2.withoutMemory} leaves it */
  encoded(features: ImageFeatures, { width, height }: Size): Sam2Image {
    return new Sam2Image(this.#decode, features, { width, height }, this.model.image);
  }

  /** Frees the sessions; the next call makes others. */
  release(): void {
    this.#encode.release();
    this.#decode.release();
  }
}

/** The most that is said about a pixel when an answer is fed back. */
export const MOST_CERTAIN = 32;

/** An encoded picture. */
export class Sam2Image {
  readonly #decode: Decode;
  readonly #features: ImageFeatures;
  readonly #picture: Size;
  readonly #side: number;

  constructor(decode: Decode, features: ImageFeatures, picture: Size, side: number) {
    this.#decode = decode;
    this.#features = features;
    this.#picture = picture;
    this.#side = side;
  }

  /**
   * The object that a prompt means: one mask, or three guesses.
   *
   * @throws SegmentError `bad-prompt`
   */
  async predict(prompt: ImagePrompt, options: PredictOptions = {}): Promise<Prediction> {
    return (await this.predictAll([prompt], options))[0] as Prediction;
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
    const given = points.map((point, i): ImagePrompt => {
      const mask = options.masks?.[i];
      return { points: [point], labels: [1], ...(mask && { mask }) };
    });
    return await this.predictAll(given, options);
  }

  /**
   * An object for each prompt. Prompts with as many points are one batch.
   *
   * @throws SegmentError `bad-prompt`
   */
  async predictAll(
    prompts: readonly ImagePrompt[],
    { multimask = false }: PredictOptions = {},
  ): Promise<Prediction[]> {
    for (const prompt of prompts) checkPrompt(prompt, this.#picture, this.#side / 4);
    const kind = ({ points, box, mask }: ImagePrompt) =>
      `${points?.length ?? 0}, ${box !== undefined}, ${mask !== undefined}`;
    const answers: Prediction[] = [];
    for (const indices of Map.groupBy(prompts.keys(), (i) => kind(prompts[i] as ImagePrompt)).values()) {
      const batch = this.prompts(indices.map((i) => prompts[i] as ImagePrompt));
      const read = await readPredictions(this.#decode(this.#features, batch, multimask), (lowRes) => {
        const logits = restoreSquare(lowRes, this.#picture);
        const clamped = lowRes.data.map((x) => Math.min(Math.max(x, -MOST_CERTAIN), MOST_CERTAIN));
        lowRes.data.set(clamped);
        return { logits, lowRes };
      });
      for (const [j, i] of indices.entries()) answers[i] = read[j] as Prediction;
    }
    return answers;
  }

  /** Prompts of one kind as the network takes them. */
  prompts(prompts: readonly ImagePrompt[]): Prompt {
    const lists = prompts.map((prompt) => [...scaledPoints(prompt, this.#picture, this.#side)]);
    const masks = prompts.flatMap(({ mask }) =>
      mask ? [fromArray(mask.data as Float32Array<ArrayBuffer>, [1, ...mask.shape])] : [],
    );
    return {
      points: lists[0]?.length === 0 ? undefined : pointsOf(lists.map((list) => [...list, NO_POINT])),
      mask: masks.length === 0 ? undefined : concat(masks),
    };
  }
}

/** Ends every list of points. */
export const NO_POINT: LabelledPoint = [0, 0, LABEL.padding];

/** The corners of a box, then clicks, in pixels of the network's square input. */
export function scaledPoints(
  { points = [], labels = [], box }: Omit<ImagePrompt, "mask">,
  { width, height }: Size,
  side: number,
): LabelledPoint[] {
  // As float32, like the authors: positions are turned into phases of many turns.
  const at = (x: number, y: number, label: number): LabelledPoint => [
    Math.fround(Math.fround(x / width) * side),
    Math.fround(Math.fround(y / height) * side),
    label,
  ];
  const corners = box ? [at(box[0], box[1], LABEL.topLeft), at(box[2], box[3], LABEL.bottomRight)] : [];
  return [...corners, ...points.map(([x, y], i) => at(x, y, labels[i] as number))];
}
