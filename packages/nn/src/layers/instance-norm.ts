/** Normalisation of every channel of every sample by itself (Ulyanov et al. 2016), as PyTorch keeps its statistics. */
import {
  batchNorm,
  buffer,
  fromArray,
  instanceNorm,
  ones,
  parameter,
  type Tensor,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import { Module } from "../module.ts";
import { follow } from "./batch-norm.ts";

export interface InstanceNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
  /** The weight of a new batch in the running statistics, default 0.1. */
  readonly momentum?: number;
  /** Whether there are a weight and a bias; default false. */
  readonly affine?: boolean;
  /** Running statistics, which normalise in inference instead of those of each sample. Default false. */
  readonly trackRunningStats?: boolean;
}

abstract class InstanceNorm extends Module {
  readonly weight: Variable | undefined;
  readonly bias: Variable | undefined;
  readonly running_mean: Variable | undefined;
  readonly running_var: Variable | undefined;
  /** In checkpoints of PyTorch, which never counts here. */
  readonly num_batches_tracked: Variable | undefined;
  readonly channels: number;
  readonly eps: number;
  readonly momentum: number;
  readonly #rank: number;

  constructor(channels: number, rank: number, options: InstanceNormOptions) {
    super();
    const { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false } = options;
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
    this.#rank = rank;
    if (affine) {
      this.weight = parameter(ones([channels]));
      this.bias = parameter(zeros([channels]));
    }
    if (trackRunningStats) {
      this.running_mean = buffer(zeros([channels]));
      this.running_var = buffer(ones([channels]));
      this.num_batches_tracked = buffer(fromArray(new BigInt64Array(1), []));
    }
  }
  forward(x: Tensor): Tensor {
    const { running_mean, running_var, weight, bias, eps } = this;
    if (x.rank !== this.#rank || x.shape[1] !== this.channels)
      this.fail(`expected [N, ${this.channels}, ...] of ${this.#rank} axes, got ${x}`);
    if (running_mean && running_var) {
      if (!this.training) return batchNorm(x, running_mean, running_var, { weight, bias, eps });
      const spatial = x.shape.map((_, axis) => axis).slice(2);
      if (x.size / (x.shape[0] as number) === this.channels)
        this.fail(`training needs more than one value for each channel of a sample, got ${x}`);
      // Means over the batch of each sample's mean and unbiased variance, [N, C].
      follow(running_mean, x.mean(spatial).mean(0), this.momentum);
      follow(running_var, x.variance(spatial).mean(0), this.momentum);
    }
    return instanceNorm(x, { weight, bias, eps });
  }
}
/** [N, C, L] */
export class InstanceNorm1d extends InstanceNorm {
  constructor(channels: number, options: InstanceNormOptions = {}) {
    super(channels, 3, options);
  }
}
/** [N, C, H, W] */
export class InstanceNorm2d extends InstanceNorm {
  constructor(channels: number, options: InstanceNormOptions = {}) {
    super(channels, 4, options);
  }
}
/** [N, C, D, H, W] */
export class InstanceNorm3d extends InstanceNorm {
  constructor(channels: number, options: InstanceNormOptions = {}) {
    super(channels, 5, options);
  }
}
