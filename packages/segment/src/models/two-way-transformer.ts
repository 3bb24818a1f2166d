/**
 * The two-way transformer of SAM's mask decoder (Kirillov et al. 2023, appendix A): tokens attend to themselves and to the
 * image, and the image attends to the tokens.
 */
import { LayerNorm, Linear, Module } from "@tessera-ml/nn";
import { scaledDotProductAttention, type Tensor } from "@tessera-ml/tensor";

export interface TwoWayConfig {
  /** Makes the feed-forward network of a block: its names differ between SAM and SAM 2. */
  readonly mlp: (dim: number, hidden: number) => Module & { forward(x: Tensor): Tensor };
  /** Default 256. */
  readonly dim?: number;
  /** Default 2. */
  readonly depth?: number;
  /** Default 8. */
  readonly heads?: number;
  /** Width of the feed-forward network, default 2048. */
  readonly hidden?: number;
  /** Epsilon of the layer norms, default 1e-5. */
  readonly eps?: number;
}

/** Multi-head attention whose inner width may differ: q [B, N, D], k and v [B, M, D] → [B, N, D]. */
export class CrossAttention extends Module {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  out_proj: Linear;
  readonly heads: number;

  constructor(dim: number, inner: number, heads: number) {
    super();
    if (inner % heads !== 0) this.fail(`${inner} features are not divisible by ${heads} heads`);
    this.heads = heads;
    this.q_proj = new Linear(dim, inner);
    this.k_proj = new Linear(dim, inner);
    this.v_proj = new Linear(dim, inner);
    this.out_proj = new Linear(inner, dim);
  }

  forward(q: Tensor, k: Tensor, v: Tensor): Tensor {
    const split = (x: Tensor) => {
      const [batch, length, inner] = x.shape as [number, number, number];
      return x.reshape([batch, length, this.heads, inner / this.heads]).permute([0, 2, 1, 3]); // [B, h, N, d]
    };
    const [queries, keys, values] = [this.q_proj.forward(q), this.k_proj.forward(k), this.v_proj.forward(v)];
    const attended = scaledDotProductAttention(split(queries), split(keys), split(values));
    return this.out_proj.forward(attended.permute([0, 2, 1, 3]).reshape(queries.shape));
  }
}

class TwoWayBlock extends Module {
  self_attn: CrossAttention;
  norm1: LayerNorm;
  cross_attn_token_to_image: CrossAttention;
  norm2: LayerNorm;
  mlp: Module & { forward(x: Tensor): Tensor };
  norm3: LayerNorm;
  cross_attn_image_to_token: CrossAttention;
  norm4: LayerNorm;
  readonly first: boolean;

  constructor({ mlp, dim, heads, hidden, eps }: Required<TwoWayConfig>, first: boolean) {
    super();
    this.first = first;
    const norm = () => new LayerNorm(dim, { eps });
    this.self_attn = new CrossAttention(dim, dim, heads);
    this.norm1 = norm();
    this.cross_attn_token_to_image = new CrossAttention(dim, dim / 2, heads);
    this.norm2 = norm();
    this.mlp = mlp(dim, hidden);
    this.norm3 = norm();
    this.cross_attn_image_to_token = new CrossAttention(dim, dim / 2, heads);
    this.norm4 = norm();
  }

  /**
   * @param tokens [B, N, D] @param image [B, cells, D]
   * @param tokenPositions the initial tokens @param imagePositions [1, cells, D]
   */
  forward(tokens: Tensor, image: Tensor, tokenPositions: Tensor, imagePositions: Tensor): [Tensor, Tensor] {
    const placed = tokens.add(tokenPositions);
    // The first block replaces the tokens, which are their own positions.
    const mixed = this.first
      ? this.self_attn.forward(tokens, tokens, tokens)
      : tokens.add(this.self_attn.forward(placed, placed, tokens));
    let x = this.norm1.forward(mixed);
    const keys = image.add(imagePositions);
    x = this.norm2.forward(x.add(this.cross_attn_token_to_image.forward(x.add(tokenPositions), keys, image)));
    x = this.norm3.forward(x.add(this.mlp.forward(x)));
    const seen = this.cross_attn_image_to_token.forward(keys, x.add(tokenPositions), x);
    return [x, this.norm4.forward(image.add(seen))];
  }
}

export class TwoWayTransformer extends Module {
  layers: TwoWayBlock[];
  final_attn_token_to_image: CrossAttention;
  norm_final_attn: LayerNorm;

  constructor({ mlp, dim = 256, depth = 2, heads = 8, hidden = 2048, eps = 1e-5 }: TwoWayConfig) {
    super();
    const config = { mlp, dim, depth, heads, hidden, eps };
    this.layers = Array.from({ length: depth }, (_, i) => new TwoWayBlock(config, i === 0));
    this.final_attn_token_to_image = new CrossAttention(dim, dim / 2, heads);
    this.norm_final_attn = new LayerNorm(dim, { eps });
  }

  /**
   * @param image [B, D, rows, columns] @param positions of its cells, [1, D, rows, columns]
   * @param tokens [B, N, D]
   * @returns tokens [B, N, D] and the image [B, D, rows, columns]
   */
  forward(image: Tensor, positions: Tensor, tokens: Tensor): { tokens: Tensor; image: Tensor } {
    const cells = (x: Tensor) => x.flatten(2).transpose(1, 2); // [B, cells, D]
    const imagePositions = cells(positions);
    let [x, y] = [tokens, cells(image)];
    for (const layer of this.layers) [x, y] = layer.forward(x, y, tokens, imagePositions);
    const attended = this.final_attn_token_to_image.forward(x.add(tokens), y.add(imagePositions), y);
    return {
      tokens: this.norm_final_attn.forward(x.add(attended)),
      image: y.transpose(1, 2).reshape(image.shape),
    };
  }
}
