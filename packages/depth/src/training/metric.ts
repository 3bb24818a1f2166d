/**
 * Fine-tuning to metres, as in the code of Depth Anything V2 (`metric_depth/train.py`): an encoder that comes trained
 * learns at a tenth of the head's rate, with the loss of Eigen et al. 2014.
 */
import { AdamW, type Module, schedules } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { silog } from "../losses/index.ts";

export interface MetricTraining {
  /** Length of the run, over which the rate falls to 0. */
  readonly steps: number;
  /** Learning rate of the encoder. Default 5e-6. */
  readonly lr?: number;
  /** The head's learning rate, in those of the encoder. Default 10. */
  readonly headFactor?: number;
  /** Default 0.01. */
  readonly weightDecay?: number;
  /** Exponent of the fall of the learning rate. Default 0.9. */
  readonly power?: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
}

/** Parameters of Depth Anything that no map depends on. PyTorch gives them no gradient, and so no weight decay. */
const UNUSED = /(^|\.)(mask_token$|refinenet4\.resConfUnit1\.)/;

/**
 * AdamW with the learning rates of encoder and head. The rate is lowered after a step by the number of that step, so
 * that the first two steps have the full rate.
 *
 * @param encoder matches the paths of the encoder's parameters
 */
export function metricOptimizer(module: Module, encoder: RegExp, training: MetricTraining): AdamW {
  const { steps, lr = 5e-6, headFactor = 10, weightDecay = 0.01, power = 0.9, ...adam } = training;
  const isUnused = (path: string) => UNUSED.test(path);
  return new AdamW(module, {
    ...adam,
    lr: schedules.joined(
      [1, schedules.constant(lr)],
      [steps, schedules.polynomial({ from: lr, steps, power })],
    ),
    weightDecay,
    groups: [
      { match: (path) => !encoder.test(path), lrScale: headFactor },
      ...([...module.parameters().keys()].some(isUnused) ? [{ match: isUnused, weightDecay: 0 }] : []),
    ],
  });
}

/** Depths in metres that count in training. */
export interface DepthRange {
  /** Default 0.001. */
  readonly minDepth?: number;
  readonly maxDepth: number;
}

/** Pixels whose depth is known and in range. @param depth in metres @param valid in its shape, 0 is invalid */
export function inRange(depth: Tensor, valid: Tensor, { minDepth = 0.001, maxDepth }: DepthRange): Tensor {
  return valid.notEqual(0).logicalAnd(depth.greaterEqual(minDepth)).logicalAnd(depth.lessEqual(maxDepth));
}

/**
 * SILog over the pixels in range.
 *
 * @param prediction [B, H, W], in metres
 * @param depth in the same shape
 */
export function metricLoss(prediction: Tensor, depth: Tensor, valid: Tensor, range: DepthRange): Tensor {
  return silog(prediction, depth, { mask: inRange(depth, valid, range) });
}
