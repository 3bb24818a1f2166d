/** Objects followed through a video while its frames are read: no more than a few are in memory. */
import type { AnswerContext } from "@tessera-ml/kit";
import { type Clip, type Image, MediaError, type VideoFrame } from "@tessera-ml/media";
import { SegmentError } from "./error.ts";
import { type Mask, maskArea, maskOf } from "./mask.ts";
import type { Sam2Predictor } from "./predict/sam2-predictor.ts";
import type { ObjectPrompt, PromptWords } from "./prompts.ts";
import type { Style } from "./result.ts";
import type { FrameMasks } from "./track/result.ts";
import type { VideoStream } from "./track/stream.ts";
import { readVideoPrompts } from "./video-prompts.ts";

export interface TrackOptions extends PromptWords {
  /** Whether every pixel belongs to one object at most. */
  readonly nonOverlapping?: boolean | undefined;
  /** Attends to memories at half their resolution: faster, and less exact. */
  readonly pooled?: boolean | undefined;
  readonly style?: Style | undefined;
}

/** An object on a frame of a video. */
export interface TrackedObject {
  readonly name: string;
  readonly mask: Mask;
  /** Logit of whether the object is in the picture. */
  readonly score: number;
}

export interface TrackedVideoFrame {
  /** From 0. */
  readonly index: number;
  readonly image: Image;
  /** When it appears, in seconds. */
  readonly timestamp: number;
  readonly duration: number;
  /** In the order in which they were named; none before the first prompt. */
  readonly objects: readonly TrackedObject[];
}

/** What is known of a video when its frames were read. */
export interface TrackedSummary {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly seconds: number;
  readonly objects: readonly {
    readonly name: string;
    /** Frames on which it is seen. */
    readonly seen: number;
    /** The mean share of the picture on those frames. */
    readonly share: number;
  }[];
  /** Of a frame, in the network: the mean. */
  readonly milliseconds: number;
}

export class TrackedVideo {
  readonly model: string;
  readonly options: TrackOptions;
  readonly #clip: Clip;
  readonly #predictor: Sam2Predictor;
  readonly #prompts: ReadonlyMap<number, readonly ObjectPrompt[]>;
  readonly #context: AnswerContext;
  #summary: TrackedSummary | undefined;

  /** @throws SegmentError `bad-prompt`, `no-prompt` */
  constructor(
    { model, predictor }: { readonly model: string; readonly predictor: Sam2Predictor },
    clip: Clip,
    options: TrackOptions,
    context: AnswerContext = {},
  ) {
    this.model = model;
    this.options = options;
    this.#clip = clip;
    this.#predictor = predictor;
    this.#prompts = readVideoPrompts(options);
    this.#context = context;
    if (this.#prompts.size === 0)
      throw new SegmentError("no-prompt", "point: expected a point or a box on what is to be followed");
  }

  /** In error messages. */
  get name(): string {
    return this.#clip.name;
  }

  /**
   * The frames in order, in bounded memory. Each call follows the objects anew.
   *
   * @throws SegmentError `bad-prompt`, `bad-frame` for prompts on frames that the video does not have; MediaError for
   *   videos that cannot be read
   */
  async *frames(): AsyncGenerator<TrackedVideoFrame, void, undefined> {
    const { nonOverlapping, pooled } = this.options;
    const { signal, progress } = this.#context;
    const video = await this.#clip.open();
    const expected = Math.max(1, Math.round(video.seconds * video.frameRate));
    const stream = this.#predictor.stream({ nonOverlapping, pooled, signal, frames: expected });
    const seen = new Map<string, { seen: number; share: number }>();
    let [count, milliseconds] = [0, 0];
    for await (const frame of video.frames()) {
      signal?.throwIfAborted();
      const started = performance.now();
      const masks = await this.#follow(stream, count, frame);
      milliseconds += performance.now() - started;
      const objects = masks.objects.map(({ object, logits, score }) => ({
        name: String(object),
        mask: maskOf(logits),
        score,
      }));
      for (const { name, mask } of objects) {
        const area = maskArea(mask);
        const known = seen.get(name) ?? { seen: 0, share: 0 };
        if (area > 0) known.share += area / mask.data.length;
        if (area > 0) known.seen++;
        seen.set(name, known);
      }
      const { image, timestamp, duration } = frame;
      const index = count++;
      progress?.({ what: this.name, done: count, total: Math.max(count, expected) });
      yield { index, image, timestamp, duration, objects };
    }
    if (count === 0) throw new MediaError("empty", `${this.name}: has no frames`);
    const late = [...this.#prompts.keys()].find((index) => index >= count);
    if (late !== undefined)
      throw new SegmentError(
        "bad-frame",
        `${this.name}: expected prompts on frames from 0 to ${count - 1}, got one on ${late}`,
      );
    const { width, height, seconds } = video;
    this.#summary = {
      ...{ width, height, frames: count, seconds },
      objects: [...seen].map(([name, found]) => ({
        name,
        seen: found.seen,
        share: found.seen > 0 ? found.share / found.seen : 0,
      })),
      milliseconds: milliseconds / count,
    };
  }

  /** A frame, with what is said on it. */
  async #follow(stream: VideoStream, index: number, { image }: VideoFrame): Promise<FrameMasks> {
    let masks = await stream.push(image);
    for (const { name, points = [], labels = [], box } of this.#prompts.get(index) ?? [])
      masks = await stream.addPoints(name, points, labels, { ...(box && { box }) });
    return masks;
  }

  /** What the frames have in common. Follows the objects unless the frames were read to the end. */
  async summary(): Promise<TrackedSummary> {
    if (!this.#summary) for await (const _ of this.frames());
    return this.#summary!;
  }
}
