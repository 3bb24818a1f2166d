/** Masks of a picture from clicks, boxes and masks by SAM 2; objects in videos. */
import type { Image, Planes, Size } from "@tessera-ml/media";
import { type Compiled, compile, concat, fromArray, type Tensor } from "@tessera-ml/tensor";
import type { Prompt } from "../models/prompt-encoder.ts";
import { chooseMasks, type ImageFeatures, type Sam2 } from "../models/sam2/sam2.ts";
import type { FrameSource } from "../track/frames.ts";
import { type VideoOptions, VideoSession } from "../track/session.ts";
import { TrackingSteps } from "../track/steps.ts";
import { type StreamOptions, VideoStream } from "../track/stream.ts";
import { type DecodedPrompts, pointsOf, readPredictions } from "./batch.ts";
import { checkPrompt, type ImagePrompt, type Point, type Prediction } from "./prompt.ts";
import type { PredictOptions } from "./sam-predictor.ts";
import { preprocessSam2, restoreSquare } from "./sam2-image.ts";
import { clampLogits, NO_POINT, scaledPoints } from "./sam2-prompt.ts";

type Decode = Compiled<[features: ImageFeatures, prompt: Prompt, multimask: boolean], DecodedPrompts>;

/** The network in inference mode. The encoder runs once for a picture, the decoder for each question about it. */
export class Sam2Predictor {
  readonly model: Sam2;
  readonly #encode: Compiled<[Tensor], ImageFeatures>;
  readonly #decode: Decode;
  #steps: TrackingSteps | undefined;

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

  /**
   * Opens a video, to follow objects in it.
   *
   * @param frames pictures of one size, or where to read them when they are needed
   * @throws SegmentError `bad-frame` if there are none
   */
  async video(frames: readonly Image[] | FrameSource, options?: VideoOptions): Promise<VideoSession> {
    return await VideoSession.open(this.#tracking(), frames, options);
  }

  /** Follows objects through frames that arrive one by one, in bounded memory. */
  stream(options?: StreamOptions): VideoStream {
    return new VideoStream(this.#tracking(), options);
  }

  #tracking(): TrackingSteps {
    this.#steps ??= new TrackingSteps(this.model);
    return this.#steps;
  }

  /** Frees the sessions; the next call makes others. */
  release(): void {
    this.#encode.release();
    this.#decode.release();
    this.#steps?.release();
  }
}

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
        return { logits, lowRes: clampLogits(lowRes) };
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
