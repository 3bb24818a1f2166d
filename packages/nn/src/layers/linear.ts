import { linear, parameter, type Tensor, type Variable } from "@tessera-ml/tensor";
import * as init from "../init.ts";
import { Module } from "../module.ts";

/** x·Wᵀ + b over the last axis: [..., in] → [..., out]. Weight [out, in], bias [out]. */
export class Linear extends Module {
  /** Can be replaced by another layer's weight to tie the two. */
  weight: Variable;
  readonly bias: Variable | undefined;
  readonly inFeatures: number;
  readonly outFeatures: number;

  constructor(inFeatures: number, outFeatures: number, options: { bias?: boolean } = {}) {
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = parameter(init.layerDefault([outFeatures, inFeatures]));
    if (options.bias ?? true) this.bias = parameter(init.layerDefault([outFeatures], inFeatures));
  }

  forward(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.inFeatures)
      this.fail(`expected ${this.inFeatures} features on the last axis, got ${x}`);
    return linear(x, this.weight, this.bias);
  }
}

/** Returns its input: the placeholder for a layer that is switched off. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}
