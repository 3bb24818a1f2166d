/**
 * Objects followed through a video by SAM 2: prompts at any frame, tracking forwards and backwards, corrections.
 *
 * @example
 * const session = await predictor.video(frames);
 * await session.addPoints("dog", 0, [[320, 240]], [1]);
 * for await (const { frame, objects } of session.propagate()) show(frame, maskOf(objects[0].logits));
 *
 * Stable: `VideoSession` but for `state`, its options but for `observe`, `FrameMasks`, `ObjectMask`, `FrameSource`.
 */
import type { Image, Size } from "@tessera-ml/media";
import { SegmentError } from "../error.ts";
import type { Mask } from "../mask.ts";
import type { LabelledPoint } from "../predict/batch.ts";
import type { Box, Point } from "../predict/prompt.ts";
import { checkFrame, FeatureCache, type FrameSource, frameSourceOf } from "./frames.ts";
import { checkMask, checkPoints, type PointOptions, pointsGiven } from "./given.ts";
import { Queue } from "./queue.ts";
import { type FrameMasks, type ObjectId, resultOf } from "./result.ts";
import type { Given, Known, RememberedFrames } from "./states.ts";
import type { TrackingSteps } from "./steps.ts";
import { type Corrections, type MemoryUse, Tracker, type TrackerRun } from "./tracker.ts";

export interface VideoOptions {
  /**
   * Which predictor of the authors to agree with, whatever becomes of corrections: `reference` loses them when their frame
   * is tracked again, `legacy` (before December 2024) keeps the answer but does not condition other frames on it. Default:
   * corrected frames are remembered like all with a prompt.
   */
  readonly compatibility?: "reference" | "legacy" | undefined;
  /** Whether every pixel belongs to one object at most; default false. */
  readonly nonOverlapping?: boolean | undefined;
  /** The most frames with a prompt that a frame attends to, at least 2: the nearest. Default: all. */
  readonly conditioningLimit?: number | undefined;
  /** How many encoded frames are kept, about 16 MB each at 1024; default 8. */
  readonly cachedFrames?: number | undefined;
  /**
   * Whether a frame attends to memories at half their resolution: a quarter of the keys, which saves most of the time of
   * tracking at 1024, and other masks. Default false.
   */
  readonly pooled?: boolean | undefined;
  /** Called after each run of the decoder, for inspection. */
  readonly observe?: ((run: TrackerRun) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PropagateOptions {
  /** The first frame; default: the earliest with a prompt. */
  readonly start?: number | undefined;
  /** The most frames after the first; default: all. */
  readonly max?: number | undefined;
  /** Towards the start of the video; default false. */
  readonly reverse?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each frame. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** What becomes of corrections. */
export const CORRECTIONS = { reference: "lost", legacy: "kept" } as const satisfies Record<
  string,
  Corrections
>;
const CACHED_FRAMES = 8;

/**
 * An open video. Calls run one after another, in the order in which they are made; between two frames of
 * {@link VideoSession.propagate} others may run. A call that fails leaves the session as it was.
 */
export class VideoSession {
  readonly frameCount: number;
  readonly width: number;
  readonly height: number;
  readonly #side: number;
  readonly #features: FeatureCache;
  readonly #tracker: Tracker;
  readonly #options: VideoOptions;
  readonly #queue = new Queue();

  /** @throws SegmentError `bad-frame` if there are no frames */
  static async open(
    steps: TrackingSteps,
    frames: readonly Image[] | FrameSource,
    options: VideoOptions = {},
  ): Promise<VideoSession> {
    const source = frameSourceOf(frames);
    if (!(Number.isInteger(source.count) && source.count > 0))
      throw new SegmentError("bad-frame", `frames: expected at least one, got ${source.count}`);
    const limit = options.conditioningLimit;
    if (limit !== undefined && !(limit >= 2))
      throw new RangeError(`conditioningLimit: expected at least 2 frames, got ${limit}`);
    options.signal?.throwIfAborted();
    const size = source.size ?? (await source.frame(0, options.signal));
    return new VideoSession(steps, source, size, options);
  }

  private constructor(steps: TrackingSteps, source: FrameSource, size: Size, options: VideoOptions) {
    const {
      compatibility,
      conditioningLimit,
      cachedFrames = CACHED_FRAMES,
      observe,
      pooled = false,
    } = options;
    this.frameCount = source.count;
    this.width = size.width;
    this.height = size.height;
    this.#side = steps.model.image;
    this.#options = options;
    this.#features = new FeatureCache(cachedFrames, async (index, signal) => {
      const frame = await source.frame(index, signal);
      checkFrame(frame, index, this, this.#side);
      return await steps.encode(frame);
    });
    this.#tracker = new Tracker(steps, {
      frames: source.count,
      corrections: compatibility ? CORRECTIONS[compatibility] : "conditioning",
      pooled,
      limit: conditioningLimit,
      observe,
    });
  }

  /** In the order in which they were named. */
  get objects(): readonly ObjectId[] {
    return [...this.#tracker.objects.keys()];
  }

  /** Frames of which something is remembered about an object. @throws SegmentError `unknown-object` */
  remembered(object: ObjectId): RememberedFrames {
    return this.#tracker.find(object).remembered();
  }

  /** What is known of an object on a frame: of prompts first. For inspection. @throws SegmentError `unknown-object` */
  state(object: ObjectId, frame: number): Known | undefined {
    const states = this.#tracker.find(object);
    return states.pending.get(frame) ?? states.at(frame);
  }

  /**
   * What a frame attends to when an object is looked for on it; absent if it has a prompt, and attends to nothing. Takes much
   * memory at 1024: about 0.5 GB for each full memory.
   *
   * @throws SegmentError `unknown-object`, `bad-frame`
   */
  async attention(object: ObjectId, frame: number): Promise<MemoryUse | undefined> {
    this.#checkIndex("frame", frame);
    return await this.#queue.run(() =>
      this.#tracker.attention(frame, object, (t) => this.#features.at(t, this.#options.signal)),
    );
  }

  /** Frames on which an object has a prompt, in the order of the prompts. @throws SegmentError `unknown-object` */
  promptedFrames(object: ObjectId): readonly number[] {
    return [...this.#tracker.find(object).prompts.keys()];
  }

  /**
   * Clicks on an object, or beside it, perhaps with a box around it. An object that was not named before joins.
   *
   * @param labels 1 for points on the object, 0 for points beside it
   * @returns all objects on that frame
   * @throws SegmentError `bad-prompt`, `bad-frame`
   */
  async addPoints(
    object: ObjectId,
    frame: number,
    points: readonly Point[],
    labels: readonly (0 | 1)[],
    options: PointOptions = {},
  ): Promise<FrameMasks> {
    this.#checkIndex("frame", frame);
    const scaled = checkPoints(points, labels, options, this, this.#side);
    return await this.#prompt(object, frame, (earlier) => pointsGiven(scaled, options, earlier));
  }

  /**
   * A box around an object, instead of earlier points. See {@link addPoints}.
   *
   * @throws SegmentError `bad-prompt`, `bad-frame`
   */
  async addBox(object: ObjectId, frame: number, box: Box): Promise<FrameMasks> {
    return await this.addPoints(object, frame, [], [], { box });
  }

  /**
   * A mask of an object in the size of the frame.
   *
   * @throws SegmentError `bad-prompt`, `bad-frame`
   */
  async addMask(object: ObjectId, frame: number, mask: Mask): Promise<FrameMasks> {
    this.#checkIndex("frame", frame);
    // The authors' predictor resizes any mask.
    const scaled = checkMask(mask, this, this.#side, this.#options.compatibility !== undefined);
    return await this.#prompt(object, frame, () => ({ kind: "mask", mask: scaled }));
  }

  /**
   * Takes back what was said about an object on a frame. Its answer stays until the frame is tracked again.
   *
   * @throws SegmentError `bad-frame`, `unknown-object`
   */
  async clear(object: ObjectId, frame: number): Promise<FrameMasks> {
    this.#checkIndex("frame", frame);
    return await this.#queue.run(async () => {
      this.#tracker.find(object).clear(frame);
      return this.#result(frame, this.#tracker.conditions(frame));
    });
  }

  /**
   * Forgets an object.
   *
   * @returns the frames on which it had prompts, with the objects that are left
   * @throws SegmentError `unknown-object`
   */
  async remove(object: ObjectId): Promise<FrameMasks[]> {
    return await this.#queue.run(async () => {
      const frames = [...this.#tracker.find(object).prompts.keys()].sort((a, b) => a - b);
      this.#tracker.objects.delete(object);
      if (this.#tracker.objects.size === 0) return [];
      return frames.map((frame) => this.#result(frame, this.#tracker.conditions(frame)));
    });
  }

  /** Forgets all objects. */
  async reset(): Promise<void> {
    await this.#queue.run(async () => this.#tracker.objects.clear());
  }

  /**
   * Follows all objects, frame by frame.
   *
   * @throws SegmentError `no-prompt`, `bad-frame`
   */
  async *propagate(options: PropagateOptions = {}): AsyncGenerator<FrameMasks, void, undefined> {
    const { reverse = false, max = this.frameCount, progress } = options;
    const signals = [this.#options.signal, options.signal].filter((each) => each !== undefined);
    const signal = signals.length > 0 ? AbortSignal.any(signals) : undefined;
    if (options.start !== undefined) this.#checkIndex("start", options.start);
    if (!(max >= 0)) throw new RangeError(`max: expected 0 frames or more, got ${max}`);
    const featuresOf = (frame: number) => {
      signal?.throwIfAborted();
      return this.#features.at(frame, signal);
    };
    signal?.throwIfAborted();
    await this.#queue.run(async () => {
      this.#tracker.requirePrompts();
      await this.#tracker.settle(featuresOf);
    });
    const start = options.start ?? this.#earliest();
    const end = reverse ? Math.max(start - max, 0) : Math.min(start + max, this.frameCount - 1);
    // As for the authors, there is nothing before the first frame.
    const total = reverse && start === 0 ? 0 : Math.abs(end - start) + 1;
    for (let done = 0; done < total; done++) {
      const frame = reverse ? start - done : start + done;
      signal?.throwIfAborted();
      const result = await this.#queue.run(async () => {
        await this.#tracker.track(frame, featuresOf, reverse);
        for (const object of this.#tracker.objects.values()) object.putAway(frame);
        return this.#result(frame);
      });
      progress?.(done + 1, total);
      yield result;
    }
  }

  #earliest(): number {
    return Math.min(
      ...[...this.#tracker.objects.values()].flatMap((object) => [...object.conditioning.keys()]),
    );
  }

  async #prompt(
    object: ObjectId,
    frame: number,
    given: (earlier: readonly LabelledPoint[] | undefined) => Given,
  ): Promise<FrameMasks> {
    return await this.#queue.run(async () => {
      this.#options.signal?.throwIfAborted();
      const earlier = this.#tracker.objects.get(object)?.prompts.get(frame);
      const featuresOf = (t: number) => this.#features.at(t, this.#options.signal);
      const conditioning = await this.#tracker.prompt(frame, object, given(earlier), featuresOf);
      return this.#result(frame, conditioning);
    });
  }

  #result(frame: number, pending?: boolean): FrameMasks {
    const { nonOverlapping = false } = this.#options;
    return resultOf(frame, this.#tracker.found(frame, pending), this, nonOverlapping);
  }

  #checkIndex(what: string, frame: number): void {
    if (!(Number.isInteger(frame) && frame >= 0 && frame < this.frameCount))
      throw new SegmentError(
        "bad-frame",
        `${what}: expected a frame from 0 to ${this.frameCount - 1}, got ${frame}`,
      );
  }
}
