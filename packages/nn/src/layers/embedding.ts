import { arange, embedding, parameter, type Tensor, type Variable, where } from "@tessera-ml/tensor";
import * as init from "../init.ts";
import { Module } from "../module.ts";

/** Embedding table: ids [...] → [..., dim]. Weight [count, dim]. */
export class Embedding extends Module {
  /** Can be replaced by another layer's weight to tie the two. */
  weight: Variable;
  readonly count: number;
  readonly dim: number;
  readonly paddingIndex: number | undefined;

  /** The row `paddingIndex` is initialized to zeros and gets no gradient. */
  constructor(count: number, dim: number, options: { paddingIndex?: number } = {}) {
    super();
    this.count = count;
    this.dim = dim;
    const { paddingIndex } = options;
    this.paddingIndex = paddingIndex !== undefined && paddingIndex < 0 ? paddingIndex + count : paddingIndex;
    const drawn = init.normal([count, dim]);
    const padding = this.paddingIndex;
    this.weight = parameter(
      padding === undefined ? drawn : where(arange(count).equal(padding).unsqueeze(1), 0, drawn),
    );
  }

  forward(ids: Tensor): Tensor {
    if (ids.dtype !== "int32" && ids.dtype !== "int64") this.fail(`expected int32 or int64 ids, got ${ids}`);
    const rows = embedding(this.weight, ids);
    if (this.paddingIndex === undefined) return rows;
    return where(ids.equal(this.paddingIndex).unsqueeze(-1), rows.stopGradient(), rows);
  }
}
