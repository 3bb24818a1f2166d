/**
 * Objects followed through frames that arrive one by one, by SAM 2, in bounded memory.
 *
 * Of each object, a stream remembers the masks of the six latest frames, pointers of the fifteen latest, and the first and
 * the latest few of those with a prompt. What is older is forgotten. Until a frame with a prompt is forgotten, masks are
 * those of {@link VideoSession} for a video of 16 frames or more, or of `frames`.
 *
 * @example
 * const stream = predictor.stream();
 * await stream.push(first);
 * await stream.addPoints("dog", [[320, 240]], [1]);
 * for await (const frame of camera) show(frame, await stream.push(frame));
 *
 * Stable: all but `observe`.
 */
import type { Size } from "@tessera-ml/media";
import { SegmentError } from "../error.ts";
import type { Mask } from "../mask.ts";
import type { ImageFeatures } from "../models/sam2/sam2.ts";
import type { LabelledPoint } from "../predict/batch.ts";
import type { Box, Point } from "../predict/prompt.ts";
import { checkFrame, type Frame } from "./frames.ts";
import { checkMask, checkPoints, type PointOptions, pointsGiven } from "./given.ts";
import { Queue } from "./queue.ts";
import { type FrameMasks, type ObjectId, resultOf } from "./result.ts";
import { CORRECTIONS, type VideoOptions } from "./session.ts";
import type { Given, RememberedFrames } from "./states.ts";
import type { TrackingSteps } from "./steps.ts";
import { Tracker } from "./tracker.ts";

export interface StreamOptions
  extends Pick<VideoOptions, "compatibility" | "nonOverlapping" | "pooled" | "observe" | "signal"> {
  /** The most frames with a prompt that are remembered of an object, at least 1: the first, and the latest. Default 4. */
  readonly conditioning?: number | undefined;
  /** How many frames there will be, if that is known. A video of fewer than 16 is followed a little differently. */
  readonly frames?: number | undefined;
  /** The size of prompts and masks; default: that of the first frame. */
  readonly size?: Size | undefined;
}

const CONDITIONING = 4;

/**
 * Calls run one after another, in the order in which they are made. A call that fails leaves the stream as it was.
 */
export class VideoStream {
  readonly #steps: TrackingSteps;
  readonly #options: StreamOptions;
  readonly #tracker: Tracker;
  readonly #most: number;
  readonly #queue = new Queue();
  #size: Size | undefined;
  #newest: { readonly frame: number; readonly features: ImageFeatures } | undefined;

  constructor(steps: TrackingSteps, options: StreamOptions = {}) {
    const { compatibility, conditioning = CONDITIONING, pooled = false, observe } = options;
    const { frames = Number.POSITIVE_INFINITY } = options;
    if (!(conditioning >= 1))
      throw new RangeError(`conditioning: expected at least 1 frame, got ${conditioning}`);
    if (!(frames >= 1)) throw new RangeError(`frames: expected at least 1, got ${frames}`);
    this.#steps = steps;
    this.#options = options;
    this.#most = conditioning;
    this.#size = options.size;
    this.#tracker = new Tracker(steps, {
      frames,
      corrections: compatibility ? CORRECTIONS[compatibility] : "conditioning",
      pooled,
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

  /** Number of the newest frame, from 0; absent before the first. */
  get frame(): number | undefined {
    return this.#newest?.frame;
  }

  /**
   * The next frame, with all objects on it.
   *
   * @throws SegmentError `bad-frame`
   */
  async push(frame: Frame): Promise<FrameMasks> {
    return await this.#queue.run(async () => {
      this.#options.signal?.throwIfAborted();
      const before = this.#newest;
      const index = before ? before.frame + 1 : 0;
      const size = this.#size ?? { width: frame.width, height: frame.height };
      checkFrame(frame, index, size, this.#steps.model.image);
      const features = await this.#steps.encode(frame);
      // Only the newest frame has prompts to take up.
      if (before) await this.#tracker.settle(async () => before.features);
      await this.#tracker.track(index, async () => features, false);
      for (const object of this.#tracker.objects.values()) object.forget(index, this.#most);
      this.#size = size;
      this.#newest = { frame: index, features };
      return this.#result(size, index);
    });
  }

  /**
   * Clicks on an object of the newest frame, or beside it, perhaps with a box around it. An object that was not named before
   * joins.
   *
   * @param labels 1 for points on the object, 0 for points beside it
   * @throws SegmentError `bad-prompt`; `bad-frame` before the first frame
   */
  async addPoints(
    object: ObjectId,
    points: readonly Point[],
    labels: readonly (0 | 1)[],
    options: PointOptions = {},
  ): Promise<FrameMasks> {
    const side = this.#steps.model.image;
    return await this.#prompt(object, (size, earlier) =>
      pointsGiven(checkPoints(points, labels, options, size, side), options, earlier),
    );
  }

  /** A box around an object of the newest frame, instead of earlier points. See {@link addPoints}. */
  async addBox(object: ObjectId, box: Box): Promise<FrameMasks> {
    return await this.addPoints(object, [], [], { box });
  }

  /** A mask of an object of the newest frame, in its size. See {@link addPoints}. */
  async addMask(object: ObjectId, mask: Mask): Promise<FrameMasks> {
    const anySize = this.#options.compatibility !== undefined;
    return await this.#prompt(object, (size) => ({
      kind: "mask",
      mask: checkMask(mask, size, this.#steps.model.image, anySize),
    }));
  }

  /**
   * Takes back what was said about an object on the newest frame.
   *
   * @throws SegmentError `unknown-object`; `bad-frame` before the first frame
   */
  async clear(object: ObjectId): Promise<FrameMasks> {
    return await this.#queue.run(async () => {
      const { size, frame } = this.#latest();
      this.#tracker.find(object).clear(frame);
      return this.#result(size, frame, this.#tracker.conditions(frame));
    });
  }

  /**
   * Forgets an object.
   *
   * @throws SegmentError `unknown-object`
   */
  async remove(object: ObjectId): Promise<void> {
    await this.#queue.run(async () => {
      this.#tracker.find(object);
      this.#tracker.objects.delete(object);
    });
  }

  /** Forgets all objects; frames count on. */
  async reset(): Promise<void> {
    await this.#queue.run(async () => this.#tracker.objects.clear());
  }

  async #prompt(
    object: ObjectId,
    given: (size: Size, earlier: readonly LabelledPoint[] | undefined) => Given,
  ): Promise<FrameMasks> {
    return await this.#queue.run(async () => {
      this.#options.signal?.throwIfAborted();
      const { size, frame, features } = this.#latest();
      const earlier = this.#tracker.objects.get(object)?.prompts.get(frame);
      const said = given(size, earlier);
      const conditioning = await this.#tracker.prompt(frame, object, said, async () => features);
      return this.#result(size, frame, conditioning);
    });
  }

  #latest(): { readonly size: Size; readonly frame: number; readonly features: ImageFeatures } {
    const [size, newest] = [this.#size, this.#newest];
    if (!size || !newest)
      throw new SegmentError("bad-frame", "expected a frame before the first prompt, got none");
    return { size, ...newest };
  }

  #result(size: Size, frame: number, pending?: boolean): FrameMasks {
    return resultOf(frame, this.#tracker.found(frame, pending), size, this.#options.nonOverlapping ?? false);
  }
}
