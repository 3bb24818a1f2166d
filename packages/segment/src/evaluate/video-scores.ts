/** J and F of the objects of a video, as SA-V's evaluation averages them. */
import type { Size } from "@tessera-ml/media";
import type { Mask } from "../mask.ts";
import { boundaryAccuracy, regionSimilarity } from "./boundary.ts";

/** An object's number for each pixel, 0 for none: [H, W]. */
export interface Labels extends Size {
  readonly data: ArrayLike<number>;
}

export interface ObjectScores {
  /** Region similarity of each frame, from 0 to 1. */
  readonly J: number[];
  /** Boundary accuracy of each frame. */
  readonly F: number[];
}

/** In percent, each the mean over an object's frames. */
export interface VideoScore {
  readonly J: Readonly<Record<number, number>>;
  readonly F: Readonly<Record<number, number>>;
}

/**
 * Collects frames in order. An object counts from the frame on which it is first seen, in the truth or in the prediction;
 * one that is never in the truth is left out of the result.
 */
export class VideoScores {
  readonly #objects = new Map<number, ObjectScores>();
  readonly #inTruth = new Set<number>();

  /**
   * @returns J and F of this frame by object
   * @throws RangeError if the sizes differ
   */
  add(truth: Labels, prediction: Labels): ReadonlyMap<number, { readonly J: number; readonly F: number }> {
    if (truth.width !== prediction.width || truth.height !== prediction.height)
      throw new RangeError(
        `prediction: expected ${truth.width} x ${truth.height} pixels as in the truth, got ${prediction.width} x ${prediction.height}`,
      );
    for (const object of objectsIn(truth)) {
      this.#inTruth.add(object);
      this.#see(object);
    }
    for (const object of objectsIn(prediction)) this.#see(object);
    const frame = new Map<number, { J: number; F: number }>();
    for (const [object, scores] of this.#objects) {
      const [wanted, got] = [maskOfObject(truth, object), maskOfObject(prediction, object)];
      const [J, F] = [regionSimilarity(wanted, got), boundaryAccuracy(wanted, got)];
      scores.J.push(J);
      scores.F.push(F);
      frame.set(object, { J, F });
    }
    return frame;
  }

  result(): VideoScore {
    const mean = (values: readonly number[]) => (100 * values.reduce((a, b) => a + b, 0)) / values.length;
    const seen = [...this.#objects].filter(([object]) => this.#inTruth.has(object));
    return {
      J: Object.fromEntries(seen.map(([object, { J }]) => [object, mean(J)])),
      F: Object.fromEntries(seen.map(([object, { F }]) => [object, mean(F)])),
    };
  }

  #see(object: number): void {
    if (!this.#objects.has(object)) this.#objects.set(object, { J: [], F: [] });
  }
}

export interface EvaluateVideoOptions {
  /** Leaves out the first and the last frame, as DAVIS and SA-V do; default true. */
  readonly skipEnds?: boolean;
}

/** The scores of a video's frames, in order. */
export function evaluateVideo(
  frames: readonly { readonly truth: Labels; readonly prediction: Labels }[],
  { skipEnds = true }: EvaluateVideoOptions = {},
): VideoScore {
  const scores = new VideoScores();
  for (const { truth, prediction } of skipEnds ? frames.slice(1, -1) : frames) scores.add(truth, prediction);
  return scores.result();
}

/** The numbers in a map, without 0, ascending. */
function objectsIn({ data }: Labels): number[] {
  const found = new Set<number>();
  for (let i = 0; i < data.length; i++) found.add(data[i]!);
  found.delete(0);
  return [...found].sort((a, b) => a - b);
}

function maskOfObject({ data, width, height }: Labels, object: number): Mask {
  const mask = new Uint8Array(data.length);
  for (let i = 0; i < mask.length; i++) if (data[i] === object) mask[i] = 1;
  return { width, height, data: mask };
}
