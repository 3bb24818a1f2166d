import { scaledDotProductAttention, type Tensor, where } from "@tessera-ml/tensor";
import { Module } from "../module.ts";
import type { AttendOptions } from "./attention.ts";
import { Linear } from "./linear.ts";

type Norm = Module & { forward(x: Tensor): Tensor };

export interface SelfAttentionOptions {
  /** Whether queries, keys and values have a bias; default true. */
  readonly qkvBias?: boolean;
  /** Whether the output projection has a bias; default true. */
  readonly projBias?: boolean;
  /** Makes the norm of the queries and of the keys from the features of a head; default none. */
  readonly qkNorm?: (headDim: number) => Norm;
  /** Probability of dropping an attention weight in training. */
  readonly dropout?: number;
}

/**
 * Multi-head self-attention with fused queries, keys and values: [B, T, D] → [B, T, D]. Parameters are named
 * as in timm: `qkv`, `proj`, and `q_norm` and `k_norm` if normalised. (For `torch.nn.MultiheadAttention`, see
 * `MultiHeadAttention`.)
 */
export class Attention extends Module {
  /** Output: queries, keys and values of all heads, in that order. */
  readonly qkv: Linear;
  readonly q_norm: Norm | undefined;
  readonly k_norm: Norm | undefined;
  readonly proj: Linear;
  readonly heads: number;
  readonly dropout: number;

  constructor(dim: number, heads: number, options: SelfAttentionOptions = {}) {
    super();
    const { qkvBias = true, projBias = true, qkNorm, dropout = 0 } = options;
    if (dim % heads !== 0) this.fail(`${dim} features are not divisible by ${heads} heads`);
    this.heads = heads;
    this.dropout = dropout;
    this.qkv = new Linear(dim, 3 * dim, { bias: qkvBias });
    this.q_norm = qkNorm?.(dim / heads);
    this.k_norm = qkNorm?.(dim / heads);
    this.proj = new Linear(dim, dim, { bias: projBias });
  }

  forward(x: Tensor, options: AttendOptions = {}): Tensor {
    if (x.rank !== 3) this.fail(`expected [B, T, ${this.qkv.inFeatures}], got ${x}`);
    const [q, k, v] = this.project(x);
    const mask = joined(options.mask, this.positionBias(q));
    const dropout = this.training ? this.dropout : 0;
    const attended = scaledDotProductAttention(q, k, v, { ...options, mask, dropout }); // [B, h, T, d]
    return this.proj.forward(attended.permute([0, 2, 1, 3]).reshape(x.shape));
  }

  /** Queries, keys and values, [B, h, T, d] each. Subclasses may rotate them. */
  protected project(x: Tensor): [q: Tensor, k: Tensor, v: Tensor] {
    const [batch, tokens, dim] = x.shape as [number, number, number];
    const split = (part: Tensor) =>
      part.reshape([batch, tokens, this.heads, dim / this.heads]).permute([0, 2, 1, 3]); // [B, h, T, d]
    // Heads are split last: for inference the transposes then cancel against those of fused attention.
    const [q, k, v] = this.qkv.forward(x).chunk(3, -1).map(split) as [Tensor, Tensor, Tensor];
    return [this.q_norm ? this.q_norm.forward(q) : q, this.k_norm ? this.k_norm.forward(k) : k, v];
  }

  /** Added to the scores [B, h, T, T], which it broadcasts to; for subclasses with relative positions. */
  protected positionBias(_queries: Tensor): Tensor | undefined {
    return undefined;
  }
}

function joined(mask: Tensor | undefined, bias: Tensor | undefined): Tensor | undefined {
  if (!mask || !bias) return mask ?? bias;
  return mask.dtype === "bool" ? where(mask, bias, Number.NEGATIVE_INFINITY) : mask.add(bias);
}
