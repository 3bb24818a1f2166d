/** The frames of a video, read when they are needed, and their features. */
import { type Image, Planes, type Size } from "@tessera-ml/media";
import { SegmentError } from "../error.ts";
import type { ImageFeatures } from "../models/sam2/sam2.ts";

/** A video whose frames can be read in any order, and more than once. */
export interface FrameSource {
  /** How many frames there are. */
  readonly count: number;
  /** The size of prompts and masks; default: that of the first frame. */
  readonly size?: Size | undefined;
  /**
   * A picture, or the network's input itself, [3, side, side], for which `size` is needed.
   *
   * @param index from 0
   */
  frame(index: number, signal?: AbortSignal): Frame | Promise<Frame>;
}

export type Frame = Image | Planes;

export function frameSourceOf(frames: readonly Image[] | FrameSource): FrameSource {
  const list = frames as readonly Image[];
  return Array.isArray(frames)
    ? { count: list.length, frame: (index) => list[index] as Image }
    : (frames as FrameSource);
}

/**
 * @param side of the network's input
 * @throws SegmentError `bad-frame` unless the frame has the size of the others
 */
export function checkFrame(frame: Frame, index: number, { width, height }: Size, side: number): void {
  if (frame instanceof Planes) {
    if (frame.shape.join() !== [3, side, side].join())
      throw new SegmentError(
        "bad-frame",
        `frame ${index}: expected [3, ${side}, ${side}], got [${frame.shape.join(", ")}]`,
      );
    return;
  }
  if (frame.width !== width || frame.height !== height)
    throw new SegmentError(
      "bad-frame",
      `frame ${index}: expected ${width} x ${height} like the first, got ${frame.width} x ${frame.height}`,
    );
}

/** Encoded frames, of which the least recently used leave. */
export class FeatureCache {
  readonly #encoded = new Map<number, ImageFeatures>();
  readonly #most: number;
  readonly #encode: (index: number, signal?: AbortSignal) => Promise<ImageFeatures>;

  constructor(most: number, encode: (index: number, signal?: AbortSignal) => Promise<ImageFeatures>) {
    this.#most = most;
    this.#encode = encode;
  }

  async at(index: number, signal?: AbortSignal): Promise<ImageFeatures> {
    const known = this.#encoded.get(index);
    const features = known ?? (await this.#encode(index, signal));
    this.#encoded.delete(index);
    this.#encoded.set(index, features);
    for (const oldest of this.#encoded.keys()) {
      if (this.#encoded.size <= this.#most) break;
      this.#encoded.delete(oldest);
    }
    return features;
  }

  clear(): void {
    this.#encoded.clear();
  }
}
