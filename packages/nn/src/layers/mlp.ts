/** The hidden layers of transformer blocks, over the last axis: [..., D] → [..., D]. */
import { gelu, silu, type Tensor } from "@tessera-ml/tensor";
import { Module } from "../module.ts";
import { Linear } from "./linear.ts";

export interface MlpOptions {
  /** Default `gelu`. */
  readonly activation?: (x: Tensor) => Tensor;
  readonly bias?: boolean;
}

/** Linear, activation, linear. Parameters are named as in timm: `fc1`, `fc2`. */
export class Mlp extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly activation: (x: Tensor) => Tensor;

  constructor(dim: number, hidden: number, { activation = gelu, bias = true }: MlpOptions = {}) {
    super();
    this.fc1 = new Linear(dim, hidden, { bias });
    this.fc2 = new Linear(hidden, dim, { bias });
    this.activation = activation;
  }
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.activation(this.fc1.forward(x)));
  }
}

/**
 * silu(x·W₁)·(x·W₂) projected back by W₃ (Shazeer 2020, "GLU Variants Improve Transformer"), with the first
 * two matrices fused. Parameters are named as in DINOv2: `w12`, `w3`.
 */
export class SwiGLU extends Module {
  readonly w12: Linear;
  readonly w3: Linear;

  /** @param hidden as it is: see `swigluHidden` for DINOv2's */
  constructor(dim: number, hidden: number, { bias = true }: { bias?: boolean } = {}) {
    super();
    this.w12 = new Linear(dim, 2 * hidden, { bias });
    this.w3 = new Linear(hidden, dim, { bias });
  }
  forward(x: Tensor): Tensor {
    const [gate, value] = this.w12.forward(x).chunk(2, -1) as [Tensor, Tensor];
    return this.w3.forward(silu(gate).mul(value));
  }
}

/** The width that gives a SwiGLU the parameters of an MLP with `hidden`: two thirds, rounded up to a multiple of 8. */
export function swigluHidden(hidden: number): number {
  return 8 * Math.ceil(Math.floor((hidden * 2) / 3) / 8);
}
