/** The layers of the original transformer (Vaswani et al. 2017, section 3.1), with PyTorch's names. */
import { gelu, type Tensor } from "@tessera-ml/tensor";
import { Module } from "../module.ts";
import { type AttendOptions, MultiHeadAttention } from "./attention.ts";
import { Dropout } from "./dropout.ts";
import { Linear } from "./linear.ts";
import { LayerNorm } from "./norm.ts";

export interface TransformerLayerOptions {
  /** Width of the feed-forward network; default 2048. */
  readonly hidden?: number;
  /** Default 0.1, as in PyTorch. */
  readonly dropout?: number;
  readonly activation?: "relu" | "gelu";
  /** Pre-norm: normalizes before attention and feed-forward network instead of after them. */
  readonly normFirst?: boolean;
  /** Default 1e-5. */
  readonly eps?: number;
}

/** Base of both layers: self-attention and a feed-forward network, each with a norm. */
abstract class TransformerLayer extends Module {
  readonly self_attn: MultiHeadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout: Dropout;
  readonly activation: "relu" | "gelu";
  readonly normFirst: boolean;

  constructor(dim: number, heads: number, options: TransformerLayerOptions) {
    super();
    const { hidden = 2048, dropout = 0.1, activation = "relu", normFirst = false, eps = 1e-5 } = options;
    this.self_attn = new MultiHeadAttention(dim, heads, { dropout });
    this.linear1 = new Linear(dim, hidden);
    this.linear2 = new Linear(hidden, dim);
    this.norm1 = new LayerNorm(dim, { eps });
    this.norm2 = new LayerNorm(dim, { eps });
    this.dropout = new Dropout(dropout);
    this.activation = activation;
    this.normFirst = normFirst;
  }

  /** x + f(norm(x)), or norm(x + f(x)). */
  protected residual(x: Tensor, norm: LayerNorm, branch: (x: Tensor) => Tensor): Tensor {
    const drop = (y: Tensor) => this.dropout.forward(y);
    return this.normFirst ? x.add(drop(branch(norm.forward(x)))) : norm.forward(x.add(drop(branch(x))));
  }
  protected feedForward(x: Tensor): Tensor {
    const hidden = this.linear1.forward(x);
    const active = this.activation === "relu" ? hidden.relu() : gelu(hidden);
    return this.linear2.forward(this.dropout.forward(active));
  }
}

/** [N, L, E] → [N, L, E]. */
export class TransformerEncoderLayer extends TransformerLayer {
  constructor(dim: number, heads: number, options: TransformerLayerOptions = {}) {
    super(dim, heads, options);
  }
  forward(x: Tensor, options: AttendOptions = {}): Tensor {
    const attended = this.residual(x, this.norm1, (y) => this.self_attn.forward(y, y, y, options));
    return this.residual(attended, this.norm2, (y) => this.feedForward(y));
  }
}

/** x [N, L, E] attends to itself and to memory [N, S, E] → [N, L, E]. */
export class TransformerDecoderLayer extends TransformerLayer {
  readonly multihead_attn: MultiHeadAttention;
  readonly norm3: LayerNorm;

  constructor(dim: number, heads: number, options: TransformerLayerOptions = {}) {
    super(dim, heads, options);
    const { dropout = 0.1, eps = 1e-5 } = options;
    this.multihead_attn = new MultiHeadAttention(dim, heads, { dropout });
    this.norm3 = new LayerNorm(dim, { eps });
  }
  forward(x: Tensor, memory: Tensor, options: AttendOptions & { memory?: AttendOptions } = {}): Tensor {
    const { memory: across, ...within } = options;
    const self = this.residual(x, this.norm1, (y) => this.self_attn.forward(y, y, y, within));
    const crossed = this.residual(self, this.norm2, (y) =>
      this.multihead_attn.forward(y, memory, memory, across),
    );
    return this.residual(crossed, this.norm3, (y) => this.feedForward(y));
  }
}
