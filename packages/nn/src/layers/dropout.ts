/** Layers that drop parts of their input in training and do nothing in inference. */
import { dropout, ones, type Tensor } from "@tessera-ml/tensor";
import { Module } from "../module.ts";

abstract class Drop extends Module {
  /** Probability of being dropped. */
  readonly p: number;
  constructor(p: number) {
    super();
    this.p = p;
    if (!(p >= 0 && p <= 1)) this.fail(`expected a probability, got ${p}`);
  }
  forward(x: Tensor): Tensor {
    if (this.p === 0 || !this.training) return x;
    return this.p === 1 ? x.mul(0) : this.drop(x);
  }
  protected abstract drop(x: Tensor): Tensor;
}

/** Drops single entries (Srivastava et al. 2014). */
export class Dropout extends Drop {
  constructor(p = 0.5) {
    super(p);
  }
  protected drop(x: Tensor): Tensor {
    return dropout(x, this.p);
  }
}

/** Drops whole channels of [N, C, ...] (Tompson et al. 2015). */
abstract class ChannelDropout extends Drop {
  constructor(p = 0.5) {
    super(p);
  }
  protected drop(x: Tensor): Tensor {
    if (x.rank < 3) this.fail(`expected [N, C, ...], got ${x}`);
    return x.mul(dropout(ones(x.shape.map((extent, axis) => (axis < 2 ? extent : 1))), this.p));
  }
}
export class Dropout1d extends ChannelDropout {}
export class Dropout2d extends ChannelDropout {}
export class Dropout3d extends ChannelDropout {}

/** Drops whole samples of a residual branch (Huang et al. 2016, "Deep Networks with Stochastic Depth"). */
export class DropPath extends Drop {
  constructor(p = 0) {
    super(p);
  }
  protected drop(x: Tensor): Tensor {
    return x.mul(dropout(ones(x.shape.map((extent, axis) => (axis === 0 ? extent : 1))), this.p));
  }
}
