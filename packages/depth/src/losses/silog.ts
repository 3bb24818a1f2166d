import type { Tensor } from "@tessera-ml/tensor";
import { type Masked, readMaps } from "./maps.ts";

export interface SilogOptions extends Masked {
  /** How much of the squared mean is forgiven: 1 ignores a common factor, 0 nothing. Default 0.5. */
  readonly lambda?: number;
  /** Factor of the loss, default 1. */
  readonly gain?: number;
  /** Divide the variance by n − 1, default false. */
  readonly unbiased?: boolean;
}

/** The form of ZoeDepth, which Depth Anything V1 is fine-tuned to metres with. */
export const ZOE_SILOG: Required<Omit<SilogOptions, "mask">> = { lambda: 0.85, gain: 10, unbiased: true };

/**
 * √(mean g² − λ (mean g)²) with g = ln y − ln p, over all valid pixels of the batch (Eigen et al. 2014; the root as
 * in Depth Anything V2's metric training). Maps are depths in metres; pixels with a target of 0 or less are invalid,
 * predictions are clamped to 1e-7 and up. A perfect prediction, or no valid pixel, has the loss 0 and no gradient.
 */
export function silog(prediction: Tensor, target: Tensor, options: SilogOptions = {}): Tensor {
  const { lambda = 0.5, gain = 1, unbiased = false } = options;
  const maps = readMaps("silog", prediction, target, options);
  const valid = maps.valid.logicalAnd(maps.target.greater(0));
  const g = valid.where(maps.target, 1).log().sub(valid.where(maps.prediction, 1).maximum(1e-7).log());
  const count = valid.astype("float32").sum();
  const mean = g.sum().div(count.maximum(1));
  const squares = valid.where(g.sub(mean), 0).square().sum();
  const variance = squares.div((unbiased ? count.sub(1) : count).maximum(1));
  const inside = variance.add(mean.square().mul(1 - lambda));
  const positive = inside.greater(1e-14);
  return positive.where(positive.where(inside, 1).sqrt(), 0).mul(gain);
}
