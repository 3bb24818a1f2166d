/** Instance normalization (Ulyanov et al. 2016): each channel of each sample by itself. Statistics as in PyTorch. */
import { batchNorm, instanceNorm, type Tensor } from "@tessera-ml/tensor";
import { follow, TrackingNorm } from "./batch-norm.ts";

export interface InstanceNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
  /** Weight of a new batch in the running statistics, default 0.1. */
  readonly momentum?: number;
  /** Whether to learn a scale and shift; default false. */
  readonly affine?: boolean;
  /** Whether to use running statistics in inference instead of those of each sample. Default false. */
  readonly trackRunningStats?: boolean;
}

/** `num_batches_tracked` exists for PyTorch checkpoints; as in PyTorch, it stays 0. */
abstract class InstanceNorm extends TrackingNorm {
  readonly momentum: number;

  constructor(channels: number, rank: number, options: InstanceNormOptions) {
    const { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false } = options;
    super(channels, [rank], { eps, affine, trackRunningStats });
    this.momentum = momentum;
  }

  forward(x: Tensor): Tensor {
    const { running_mean, running_var, weight, bias, eps } = this;
    this.checkInput(x);
    if (running_mean && running_var) {
      if (!this.training) return batchNorm(x, running_mean, running_var, { weight, bias, eps });
      const spatial = x.shape.map((_, axis) => axis).slice(2);
      if (x.size / (x.shape[0] as number) === this.channels)
        this.fail(`training needs more than one value per channel of a sample, got ${x}`);
      // Means over the batch of each sample's mean and unbiased variance: [N, C] → [C].
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
