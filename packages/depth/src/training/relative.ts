/**
 * Training of relative depth as Depth Anything V1 and V2 do it: losses of labelled and pseudo-labelled images, and the
 * optimizer that both share.
 */
import { AdamW, type Module, schedules } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { cutmixLoss, gradientMatching, ssiMae } from "../losses/index.ts";

/** Deviations below this are treated as flat: crops of nothing but sky have no order to learn. */
const FLAT = 1e-3;

/**
 * The affine-invariant loss (V1, section 3.1) plus gradient matching (V2: weight 2).
 *
 * @param map the network's output, [B, H, W]
 * @param disparity [B, H, W]
 * @param mask [B, H, W], 0 is invalid
 * @param options.keep the share of an image's pixels that count: V2 leaves out the tenth with the largest errors of
 *   pseudo-labelled images
 */
export function labelledLoss(
  map: Tensor,
  disparity: Tensor,
  mask: Tensor,
  { gradientWeight, keep = 1 }: { readonly gradientWeight: number; readonly keep?: number },
): Tensor {
  const ssi = ssiMae(map, disparity, { mask, keep, epsilon: FLAT });
  if (gradientWeight === 0) return ssi;
  return ssi.add(gradientMatching(map, disparity, { mask, epsilon: FLAT }).mul(gradientWeight));
}

/** A batch of strongly perturbed images, some of them mixed from two, with the teacher's maps of the clean ones. */
export interface Unlabelled {
  /** The teacher's map of the image inside the box, [B, H, W]. */
  readonly inside: Tensor;
  /** Of the image outside of it. */
  readonly outside: Tensor;
  /** 1 inside the box, [B, H, W]; all 1 where nothing was mixed. */
  readonly box: Tensor;
}

/** V1's loss of unlabelled images, section 3.2: each region against the teacher's map of its own image. */
export function unlabelledLoss(map: Tensor, { inside, outside, box }: Unlabelled): Tensor {
  return cutmixLoss(map, [inside, outside], box.notEqual(0), { epsilon: FLAT });
}

export interface RelativeTraining {
  /** Length of the run. */
  readonly steps: number;
  /** Of the encoder. Depth Anything: 5e-6. */
  readonly lr: number;
  /** The head's learning rate, in those of the encoder. Default 10. */
  readonly headFactor?: number;
}

/** AdamW with a linear decay after a short warm-up; the head, which is new, learns faster than the encoder. */
export function relativeOptimizer(
  module: Module,
  encoder: RegExp,
  { steps, lr, headFactor = 10 }: RelativeTraining,
): AdamW {
  const rise = Math.min(100, Math.ceil(steps / 10));
  const fall = schedules.linear({ from: lr, steps: Math.max(1, steps - rise) });
  return new AdamW(module, {
    lr: schedules.warmUp(rise, fall),
    weightDecay: 0.01,
    groups: [{ match: (path) => !encoder.test(path), lrScale: headFactor }],
  });
}
