/** The depth of a video, frame by frame. */
import { type Clip, type Image, MediaError, type Planes, type VideoFrame } from "@tessera-ml/media";
import type { Lens } from "../camera.ts";
import type { DepthKind } from "../records.ts";
import type { DepthOptions, DepthResult } from "../result.ts";
import { FrameAligner } from "./align-frames.ts";
import { CutDetector } from "./cuts.ts";
import { FlickerMeter, greyOf, percentiles, staticPixels } from "./flicker.ts";

/** What a network says of a frame. */
export interface FrameMap {
  readonly frame: VideoFrame;
  readonly camera: Lens;
  /** [1, h, w], of the network's size: disparity or metres. */
  readonly map: Planes;
  /** In the network; of frames that are seen together, the share of this one. */
  readonly milliseconds: number;
}

export interface VideoDepthFrame {
  readonly depth: DepthResult;
  /** When it appears, in seconds. */
  readonly timestamp: number;
  readonly duration: number;
  /** The number of the scene, from 0. */
  readonly scene: number;
  /** The values at the two ends of the colours: they move apart within a scene, never closer, so that colours are steady. */
  readonly range: readonly [low: number, high: number];
}

export interface Flicker {
  /** Of the maps as the network gives them; only where frames are aligned. */
  readonly before?: number | undefined;
  readonly after?: number | undefined;
}

/** What is known of a video when its frames were read. */
export interface VideoSummary {
  readonly kind: DepthKind;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly seconds: number;
  readonly frameRate: number;
  readonly scenes: number;
  /** The smallest and the largest value: disparity or metres. */
  readonly min: number;
  readonly max: number;
  /** In percent, see {@link FlickerMeter}; nothing where no part of the pictures stays the same. */
  readonly flicker: Flicker;
  /** Of a frame, in the network: the mean. */
  readonly milliseconds: number;
  readonly camera: Lens;
}

/** What an estimator adds to a video. */
export interface DepthVideoParts {
  readonly model: string;
  readonly kind: DepthKind;
  readonly clip: Clip;
  readonly options: DepthOptions;
  /** Whether each frame was estimated on its own and has a scale and shift of its own. */
  readonly align: boolean;
  /** The maps of the frames, in order. */
  readonly maps: (frames: AsyncIterable<VideoFrame>) => AsyncIterable<FrameMap>;
  /** The map as large as its frame. */
  readonly result: (frame: FrameMap) => DepthResult;
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** Frames of a scene whose values are known before the first of them is painted. */
const LOOKAHEAD = 8;
/** Shares of the values that lie beyond the two ends of the colours. */
const RANGE = [0.005, 0.995] as const;

/** A video whose depth is estimated while its frames are read: no more than a few are in memory. */
export class DepthVideo {
  readonly #parts: DepthVideoParts;
  #summary: VideoSummary | undefined;

  constructor(parts: DepthVideoParts) {
    this.#parts = parts;
  }

  /** Name of the checkpoint's record. */
  get model(): string {
    return this.#parts.model;
  }
  /** In error messages. */
  get name(): string {
    return this.#parts.clip.name;
  }
  get options(): DepthOptions {
    return this.#parts.options;
  }

  /**
   * The frames in order. Each call reads the video anew.
   *
   * @throws MediaError `not-found`, `unsupported`, `damaged`, `cut-short`, `empty`
   */
  async *frames(): AsyncGenerator<VideoDepthFrame, void, undefined> {
    const waiting: AlignedFrame[] = [];
    const take = (): VideoDepthFrame => {
      const one = waiting.shift() as AlignedFrame;
      const { frame, scene, range } = one;
      const { timestamp, duration } = frame;
      return { depth: this.#parts.result(one), timestamp, duration, scene, range: [range.low, range.high] };
    };
    for await (const one of this.#aligned()) {
      waiting.push(one);
      if (waiting.length > LOOKAHEAD) yield take();
    }
    while (waiting.length > 0) yield take();
  }

  /** What the frames have in common. Reads the video unless its frames were read to the end. */
  async summary(): Promise<VideoSummary> {
    if (!this.#summary) for await (const _ of this.#aligned());
    return this.#summary!;
  }

  /** Brings the maps of a scene to one scale and shift, and measures. */
  async *#aligned(): AsyncGenerator<AlignedFrame, void, undefined> {
    const { clip, align, kind, maps, progress } = this.#parts;
    const video = await clip.open();
    const [aligner, cuts] = [new FrameAligner(), new CutDetector()];
    const [before, after] = [new FlickerMeter(), new FlickerMeter()];
    const { width, height, seconds, frameRate } = video;
    const expected = Math.max(1, Math.round(seconds * frameRate));
    let [frames, scenes, milliseconds] = [0, 1, 0];
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    let last: FrameMap | undefined;
    let grey: Image | undefined;
    let range = emptyRange();
    for await (const one of maps(video.frames())) {
      const { frame, map } = one;
      const isCut = cuts.push(frame.image, () => aligner.resembles(map));
      if (isCut) {
        aligner.cut();
        scenes++;
        range = emptyRange();
      }
      const aligned = align ? aligner.push(map) : map;
      const now = greyOf(frame.image, map);
      const still = grey && !isCut ? staticPixels(grey, now) : undefined;
      grey = now;
      before.push(map, still);
      after.push(aligned, still);
      const [low, high] = percentiles(aligned, RANGE);
      range.low = Math.min(range.low, low);
      range.high = Math.max(range.high, high);
      for (const value of aligned.data) {
        if (value < min) min = value;
        if (value > max) max = value;
      }
      frames++;
      milliseconds += one.milliseconds;
      last = one;
      progress?.(frames, Math.max(frames, expected));
      yield { ...one, map: aligned, scene: scenes - 1, range };
    }
    if (!last) throw new MediaError("empty", `${video.name}: has no frames`);
    this.#summary = {
      ...{ kind, width, height, frames, seconds, frameRate, scenes, min, max },
      flicker: {
        ...(align && before.percent !== undefined && { before: before.percent }),
        ...(after.percent !== undefined && { after: after.percent }),
      },
      milliseconds: milliseconds / frames,
      camera: last.camera,
    };
  }
}

interface AlignedFrame extends FrameMap {
  readonly scene: number;
  /** Of the scene, as far as it was read. */
  readonly range: { low: number; high: number };
}

const emptyRange = () => ({ low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY });
