/** The loss of a batch of scenes, as part of the compiled step. */
import { nextKey, type Tensor, uniform } from "@tessera-ml/tensor";
import type { LiteEncoder } from "@tessera-ml/vision/models";
import { clipLoss, isPresent, type LossWeights, type MaskLosses, maskIou } from "../losses/index.ts";
import type { Points } from "../models/prompt-encoder.ts";
import type { ImageFeatures, Sam2 } from "../models/sam2/sam2.ts";
import { randomClicks } from "./clicks.ts";
import {
  type ClickRequest,
  type ClipFrame,
  type TrackedFrame,
  type TrackOptions,
  trackWith,
} from "./track.ts";

export interface SceneLossOptions extends TrackOptions {
  /** Default: those of the papers. */
  readonly weights?: LossWeights;
}

/** The pictures of a batch, or what parts of the encoder that do not learn have made of them. */
export interface SceneInput {
  /** [scenes · frames, 3, side, side], or the maps of strides 4 and 8, or those of strides 4, 8, 16 and 32. */
  readonly maps: readonly Tensor[];
  /** [scenes, objects, frames, side, side] */
  readonly truth: Tensor;
  /** [scenes, objects, N, 2]; absent where masks are the prompt. */
  readonly points?: Tensor;
  readonly labels?: Tensor;
  /** Clicks after the first prompt. The papers: 7. */
  readonly corrections: number;
}

/** The loss, the losses it is made of, and the mean IoU of the best mask of the first and of the last answers. */
export function sceneLoss(
  model: Sam2,
  { maps, truth, points, labels, corrections }: SceneInput,
  { weights, ...options }: SceneLossOptions = {},
): MaskLosses & Readonly<Record<"loss" | "firstIou" | "lastIou", Tensor>> {
  const [scenes, objects, count, height, width] = truth.shape as [number, number, number, number, number];
  const features = encodeFrom(model, maps);
  const flat = truth.astype("float32").reshape([scenes * objects, count, height, width]);
  const prompt: ClipFrame["prompt"] =
    points && labels
      ? { coords: points.flatten(0, 1), labels: labels.flatten(0, 1) } // [scenes · objects, N, 2]
      : "mask";
  const frames = Array.from({ length: count }, (_, t): ClipFrame => {
    const shown = { features: featuresOf(features, scenes, t, objects), truth: flat.narrow(1, t, 1) };
    if (t > 0) return shown;
    // Masks are not corrected: they are right.
    return { ...shown, prompt, corrections: prompt === "mask" ? 0 : corrections };
  });
  const tracked = trackWith(model, frames, clickAtRandom, options);
  return { ...clipLoss(tracked, weights), firstIou: meanIou(tracked, 0), lastIou: meanIou(tracked, -1) };
}

/** Over the objects that are seen. @param which answer of each frame */
function meanIou(tracked: readonly TrackedFrame[], which: number): Tensor {
  const [sum, count] = tracked
    .map(({ truth, answers }) => {
      const best = maskIou(answers.at(which)!.masks, truth).max(1, true); // [B, 1]
      const present = isPresent(truth);
      return [best.mul(present).sum(), present.sum()] as const;
    })
    .reduce(([a, b], [c, d]) => [a.add(c), b.add(d)]);
  return sum.div(count.maximum(1)).stopGradient();
}

function encodeFrom(model: Sam2, maps: readonly Tensor[]): ImageFeatures {
  const [first, second] = maps as [Tensor, Tensor];
  if (maps.length === 1) return model.encode(first);
  if (maps.length === 4) return model.finishEncoding(maps);
  return model.finishEncoding([first, second, ...(model.image_encoder.trunk as LiteEncoder).late(second)]);
}

/** The features of frame t of all scenes, for each of their objects. */
function featuresOf(
  { map, finer }: ImageFeatures,
  scenes: number,
  t: number,
  objects: number,
): ImageFeatures {
  const of = (x: Tensor) => {
    const [all, ...rest] = x.shape as [number, ...number[]];
    const frame = x.reshape([scenes, all / scenes, ...rest]).select(1, t); // [scenes, …]
    return objects === 1 ? frame : frame.repeatInterleave(objects, 0);
  };
  return { map: of(map), finer: [of(finer[0]), of(finer[1])] };
}

/** The next click, uniform in what is wrong. */
function clickAtRandom({ truth, prediction }: ClickRequest): Points {
  const [batch, , height, width] = truth.shape as [number, number, number, number];
  const noise = uniform(nextKey(), [batch, 1, height, width, 2]);
  return randomClicks(truth, prediction.stopGradient().greater(0), noise);
}
