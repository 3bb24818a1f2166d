/** Batch normalization with running statistics (Ioffe & Szegedy 2015), as in PyTorch. */
import {
  batchNorm,
  batchNormTrain,
  buffer,
  fromArray,
  ones,
  parameter,
  type Tensor,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import { Module } from "../module.ts";

export interface BatchNormOptions {
  /** Default 1e-5. */
  readonly eps?: number;
  /** Weight of a new batch in the running statistics, default 0.1; `null` for the mean over all batches. */
  readonly momentum?: number | null;
  /** Whether to learn a scale and shift; default true. */
  readonly affine?: boolean;
  /** If false, the statistics of the batch are used in inference too. Default true. */
  readonly trackRunningStats?: boolean;
}

/** Updates a running statistic: running += momentum·(to − running). */
export function follow(running: Variable, to: Tensor, momentum: number | Tensor): void {
  running.assign(running.add(to.stopGradient().sub(running).mul(momentum)));
}

/** Base of batch and instance norm: per-channel scale and shift, and running statistics. */
export abstract class TrackingNorm extends Module {
  readonly weight: Variable | undefined;
  readonly bias: Variable | undefined;
  readonly running_mean: Variable | undefined;
  readonly running_var: Variable | undefined;
  readonly num_batches_tracked: Variable | undefined;
  readonly channels: number;
  readonly eps: number;
  readonly #ranks: readonly number[];

  constructor(
    channels: number,
    ranks: readonly number[],
    options: { eps: number; affine: boolean; trackRunningStats: boolean },
  ) {
    super();
    this.channels = channels;
    this.eps = options.eps;
    this.#ranks = ranks;
    if (options.affine) {
      this.weight = parameter(ones([channels]));
      this.bias = parameter(zeros([channels]));
    }
    if (options.trackRunningStats) {
      this.running_mean = buffer(zeros([channels]));
      this.running_var = buffer(ones([channels]));
      this.num_batches_tracked = buffer(fromArray(new BigInt64Array(1), []));
    }
  }

  protected checkInput(x: Tensor): void {
    if (!this.#ranks.includes(x.rank) || x.shape[1] !== this.channels)
      this.fail(`expected [N, ${this.channels}, ...] with ${this.#ranks.join(" or ")} axes, got ${x}`);
  }
}

abstract class BatchNorm extends TrackingNorm {
  readonly momentum: number | null;

  constructor(channels: number, ranks: readonly number[], options: BatchNormOptions) {
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    super(channels, ranks, { eps, affine, trackRunningStats });
    this.momentum = momentum;
  }

  forward(x: Tensor): Tensor {
    const { channels, weight, bias, eps, running_mean, running_var } = this;
    this.checkInput(x);
    if (running_mean && running_var && !this.training)
      return batchNorm(x, running_mean, running_var, { weight, bias, eps });
    const count = x.size / channels;
    if (this.training && count === 1) this.fail(`training needs more than one value per channel, got ${x}`);
    const { output, mean, variance } = batchNormTrain(x, { weight, bias, eps });
    if (this.training) this.#track(mean, variance.mul(count / (count - 1)));
    return output;
  }

  /** Updates the running statistics; `variance` is unbiased. */
  #track(mean: Tensor, variance: Tensor): void {
    const { running_mean, running_var, num_batches_tracked } = this;
    if (!running_mean || !running_var || !num_batches_tracked) return;
    num_batches_tracked.assign(num_batches_tracked.add(1));
    const momentum = this.momentum ?? num_batches_tracked.astype("float32").reciprocal();
    follow(running_mean, mean, momentum);
    follow(running_var, variance, momentum);
  }
}

/** [N, C] or [N, C, L], each channel normalized over all other axes. */
export class BatchNorm1d extends BatchNorm {
  constructor(channels: number, options: BatchNormOptions = {}) {
    super(channels, [2, 3], options);
  }
}
/** [N, C, H, W], each channel normalized over all other axes. */
export class BatchNorm2d extends BatchNorm {
  constructor(channels: number, options: BatchNormOptions = {}) {
    super(channels, [4], options);
  }
}
/** [N, C, D, H, W], each channel normalized over all other axes. */
export class BatchNorm3d extends BatchNorm {
  constructor(channels: number, options: BatchNormOptions = {}) {
    super(channels, [5], options);
  }
}
