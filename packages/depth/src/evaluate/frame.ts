/** One image against its measured depth. */
import { Planes, type Size } from "@tessera-ml/media";
import { type Alignment, fitLeastSquares, fitRobust } from "../align.ts";
import type { Protocol } from "../data/layouts/set.ts";
import type { RgbdFrame } from "../data/rgbd.ts";
import { cropMask, type DepthMetrics, depthMetrics, evaluateAligned, ZOE_EVALUATION } from "../metrics.ts";
import { restoreDepth } from "../preprocess.ts";
import type { AlignBy } from "./alignments.ts";

export interface FrameOptions extends Protocol {
  /** What the maps of the network say; default `disparity`. */
  readonly kind?: "disparity" | "metric" | undefined;
  /** Default `least-squares` for disparity, `none` for metres. */
  readonly align?: AlignBy | undefined;
}

export interface FrameEvaluation {
  /**
   * SILog with λ = 1. Against disparity of unknown unit, such as Middlebury's without calibration, `rmse` and `sqRel` are
   * NaN: they need metres.
   */
  readonly metrics: DepthMetrics;
  /** How many pixels count. */
  readonly valid: number;
  /** Of the disparity; absent for `median` and `none`. */
  readonly alignment?: Alignment;
  /** Depth [1, H, W] after alignment and clamping: metres, or without a unit, 1 at the median of the measurement. */
  readonly depth: Planes;
  /** The measured depth [1, H, W], 0 where a pixel does not count. */
  readonly target: Planes;
}

/** A measurement does not allow an evaluation. A set's evaluation skips it; any other error ends it. */
export class UnusableFrame extends Error {
  override readonly name = "UnusableFrame";
}

/**
 * Aligns a prediction with a measurement and compares them: MiDaS's protocol for disparity, ZoeDepth's for metres.
 *
 * @param prediction [1, h, w]: disparity (larger is nearer) or metres; enlarged bilinearly if smaller than the image
 * @throws UnusableFrame if fewer than two pixels count, or metres without alignment meet disparity of unknown unit
 * @throws RangeError if the prediction is not one finite channel
 */
export function evaluateFrame(
  prediction: Planes,
  frame: RgbdFrame,
  options: FrameOptions = {},
): FrameEvaluation {
  const { kind = "disparity" } = options;
  const { align = kind === "metric" ? "none" : "least-squares" } = options;
  if (kind === "disparity" && (align === "none" || align === "median"))
    throw new RangeError(`align: expected least-squares or robust for relative disparity, got ${align}`);
  if (frame.kind === "disparity" && (align === "none" || align === "median"))
    throw new UnusableFrame(
      `${frame.name}: its disparity has no unit: metres can be compared with it only after alignment by least-squares or robust`,
    );
  const map = mapFor(prediction, frame);
  const { target, mask, min, cap } = measured(frame, options);
  const valid = mask.reduce((sum, one) => sum + one, 0);
  if (valid < 2)
    throw new UnusableFrame(
      `${frame.name}: only ${valid} pixels of its depth count (${min} m to ${cap} m${options.crop ? `, crop ${options.crop}` : ""})`,
    );
  const size = { width: target.width, height: target.height };
  const asPlanes = (data: ArrayLike<number>) =>
    new Planes(1, size.height, size.width, Float32Array.from(data));
  const common = { valid, target: asPlanes(target.data.map((y, i) => (mask[i] ? y : 0))) };
  if (align === "none" || align === "median") {
    const scale = align === "median" ? median(target.data, mask) / median(map.data, mask) : 1;
    const depth = map.data.map((p) => Math.min(cap, Math.max(min, scale * p)));
    const metrics = depthMetrics(depth, target.data, size, { ...ZOE_EVALUATION, min, max: cap, mask });
    return { ...common, metrics, depth: asPlanes(depth) };
  }
  const disparity = kind === "disparity" ? map.data : map.data.map((metres) => 1 / Math.max(metres, 1e-3));
  const fit = align === "robust" ? fitRobust : fitLeastSquares;
  const found = evaluateAligned(disparity, target.data, size, { cap, mask, lambda: 1, fit });
  const metrics =
    frame.kind === "depth" ? found.metrics : { ...found.metrics, rmse: Number.NaN, sqRel: Number.NaN };
  const { scale, shift } = found;
  return { ...common, metrics, alignment: { scale, shift }, depth: asPlanes(found.depth) };
}

/** The prediction in the size of the image. */
function mapFor(prediction: Planes, { name, target: { width, height } }: RgbdFrame): Planes {
  if (prediction.channels !== 1)
    throw new RangeError(`${name}: expected a prediction [1, H, W], got [${prediction.shape}]`);
  const bad = prediction.data.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw new RangeError(`${name}: the prediction has a pixel that is ${bad}`);
  return sizedLike(prediction, { width, height });
}

/** A map in the size of the image: as it is, or resized bilinearly. */
export function sizedLike(map: Planes, { width, height }: Size): Planes {
  if (map.width === width && map.height === height) return map;
  return restoreDepth(map, { width, height }, { restore: "bilinear" });
}

/** In metres, where neither a data set nor the caller says it: that of KITTI. */
export const CAP = 80;

/** Depth, and which of its pixels count. */
function measured(frame: RgbdFrame, { min: least = 1e-3, cap: most = CAP, crop }: Protocol) {
  const inside = cropMask(frame.target, crop);
  const valid = frame.valid.map((one, i) => Number(one && inside[i]));
  if (frame.kind === "depth") {
    const mask = valid.map((one, i) =>
      Number(one && frame.target.data[i]! > least && frame.target.data[i]! < most),
    );
    return { target: frame.target, mask, min: least, cap: most };
  }
  // Without a unit there is no cap in metres: the farthest measurement takes its place, and the median is 1.
  const { width, height, data } = frame.target;
  const unit = median(data, valid);
  const depth = data.map((disparity, i) => (valid[i] ? unit / disparity : 0));
  const cap = depth.reduce((a, b) => Math.max(a, b), 0) * (1 + 1e-6);
  return { target: new Planes(1, height, width, depth), mask: valid, min: 0, cap };
}

function median(values: Float32Array, mask: Uint8Array): number {
  const sorted = values.filter((_, i) => mask[i]).sort();
  return sorted[sorted.length >> 1]!;
}
