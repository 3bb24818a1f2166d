import {
  linear,
  parameter,
  scaledDotProductAttention,
  type Tensor,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import * as init from "../init.ts";
import { Module } from "../module.ts";
import { Linear } from "./linear.ts";

export interface MultiHeadAttentionOptions {
  /** Features of the keys; default `dim`. */
  readonly keyDim?: number;
  /** Features of the values; default `dim`. */
  readonly valueDim?: number;
  /** Probability of dropping an attention weight in training. */
  readonly dropout?: number;
  readonly bias?: boolean;
}

export interface AttendOptions {
  /** Broadcasts to [N, heads, L, S]. Bool: true means attend (PyTorch's module: true means ignore). Float: added. */
  readonly mask?: Tensor | undefined;
  /** Position i attends to positions up to i. */
  readonly causal?: boolean;
}

/**
 * Multi-head attention (Vaswani et al. 2017, section 3.2.2): query [N, L, E], key [N, S, keyDim]
 * and value [N, S, valueDim] → [N, L, E]. Parameters are named as in `torch.nn.MultiheadAttention`.
 */
export class MultiHeadAttention extends Module {
  /** [3E, E]: queries, keys, values; replaced by three separate matrices if their features differ. */
  readonly in_proj_weight: Variable | undefined;
  readonly q_proj_weight: Variable | undefined;
  readonly k_proj_weight: Variable | undefined;
  readonly v_proj_weight: Variable | undefined;
  readonly in_proj_bias: Variable | undefined;
  readonly out_proj: Linear;
  readonly dim: number;
  readonly heads: number;
  readonly dropout: number;

  constructor(dim: number, heads: number, options: MultiHeadAttentionOptions = {}) {
    super();
    const { keyDim = dim, valueDim = dim, dropout = 0, bias = true } = options;
    if (dim % heads !== 0) this.fail(`${dim} features are not divisible by ${heads} heads`);
    this.dim = dim;
    this.heads = heads;
    this.dropout = dropout;
    if (keyDim === dim && valueDim === dim)
      this.in_proj_weight = parameter(init.xavierUniform([3 * dim, dim]));
    else {
      this.q_proj_weight = parameter(init.xavierUniform([dim, dim]));
      this.k_proj_weight = parameter(init.xavierUniform([dim, keyDim]));
      this.v_proj_weight = parameter(init.xavierUniform([dim, valueDim]));
    }
    if (bias) this.in_proj_bias = parameter(zeros([3 * dim]));
    this.out_proj = new Linear(dim, dim, { bias });
    this.out_proj.bias?.assign(zeros([dim]));
  }

  forward(query: Tensor, key: Tensor = query, value: Tensor = key, options: AttendOptions = {}): Tensor {
    const { dim, heads } = this;
    if (query.rank !== 3 || query.shape[2] !== dim) this.fail(`query: expected [N, L, ${dim}], got ${query}`);
    const split = (x: Tensor) => {
      const [batch, length] = x.shape as [number, number];
      return x.reshape([batch, length, heads, dim / heads]).permute([0, 2, 1, 3]); // [N, heads, L, E/heads]
    };
    const [q, k, v] = this.#project(query, key, value).map(split) as [Tensor, Tensor, Tensor];
    const dropout = this.dropout > 0 && this.training ? this.dropout : 0;
    const attended = scaledDotProductAttention(q, k, v, { ...options, dropout });
    return this.out_proj.forward(attended.permute([0, 2, 1, 3]).reshape(query.shape));
  }

  /** Queries, keys and values, [N, L or S, E] each. */
  #project(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const { dim, in_proj_weight: packed, in_proj_bias: bias } = this;
    if (packed && query === key && key === value) return linear(query, packed, bias).chunk(3, 2);
    const weights = packed ? packed.chunk(3) : [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    const biases = bias?.chunk(3) ?? [];
    return [query, key, value].map((x, i) => {
      const weight = weights[i] as Tensor;
      if (x.rank !== 3 || x.shape[2] !== weight.shape[1])
        this.fail(`${["query", "key", "value"][i]}: expected [N, S, ${weight.shape[1]}], got ${x}`);
      return linear(x, weight.reshape([dim, weight.shape[1] as number]), biases[i]);
    });
  }
}
