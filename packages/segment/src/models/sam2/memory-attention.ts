/**
 * Memory attention (Ravi et al. 2024, section 4 and appendix C.1): the map of a frame attends to itself, then to the
 * memories of other frames and to object pointers.
 */
import { LayerNorm, Linear, Module } from "@tessera-ml/nn";
import { concat, full, scaledDotProductAttention, type Tensor } from "@tessera-ml/tensor";
import { gridRotations, type Rotations, rotate } from "./positions.ts";

/** The score of a key that stands for nothing, before it is scaled. */
const NEVER = -1e6;

/** Attention with one head, whose queries and keys are rotated by their place in the map. */
class RotaryAttention extends Module {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  out_proj: Linear;

  constructor(dim: number, source: number) {
    super();
    this.q_proj = new Linear(dim, dim);
    this.k_proj = new Linear(source, dim);
    this.v_proj = new Linear(source, dim);
    this.out_proj = new Linear(dim, dim);
  }

  /**
   * @param q [B, cells, D] @param k [B, frames · cells + unplaced, E] @param v as k
   * @param unplaced keys at the end that have no place
   * @param padding 1 for keys that stand for nothing, else 0, [B, frames · cells + unplaced]
   */
  forward(q: Tensor, k: Tensor, v: Tensor, rotations: Rotations, unplaced = 0, padding?: Tensor): Tensor {
    const keys = this.k_proj.forward(k);
    const placed = (keys.shape[1] as number) - unplaced;
    const turned = placed === 0 ? keys : rotate(keys.narrow(1, 0, placed), rotations);
    const all = unplaced > 0 && placed > 0 ? concat([turned, keys.narrow(1, placed, unplaced)], 1) : turned;
    const queries = rotate(this.q_proj.forward(q), rotations);
    const scale = 1 / Math.sqrt(queries.shape[2] as number);
    // One more feature instead of a mask, with which attention is not fused.
    const marked = (x: Tensor, marks: Tensor) => concat([x, marks.unsqueeze(-1)], -1);
    const one = (x: Tensor) => x.unsqueeze(1); // [B, 1, N, D]
    const attended = scaledDotProductAttention(
      one(padding ? marked(queries, full(queries.shape.slice(0, 2), 1)) : queries),
      one(padding ? marked(all, padding.mul(NEVER)) : all),
      one(v),
      { scale },
    );
    // The weights of a query sum to 1, so that values can be projected after they are summed: fewer features to sum.
    return this.out_proj.forward(this.v_proj.forward(attended.squeeze(1)));
  }
}

class MemoryAttentionLayer extends Module {
  self_attn: RotaryAttention;
  cross_attn_image: RotaryAttention;
  linear1: Linear;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;

  constructor(dim: number, memory: number, hidden: number) {
    super();
    this.self_attn = new RotaryAttention(dim, dim);
    this.cross_attn_image = new RotaryAttention(dim, memory);
    this.linear1 = new Linear(dim, hidden);
    this.linear2 = new Linear(hidden, dim);
    this.norm1 = new LayerNorm(dim);
    this.norm2 = new LayerNorm(dim);
    this.norm3 = new LayerNorm(dim);
  }

  forward(
    x: Tensor,
    keys: Tensor,
    { values, pointers, padding }: Omit<MemoryTokens, "positions">,
    rotations: Rotations,
  ): Tensor {
    const own = this.norm1.forward(x);
    const y = x.add(this.self_attn.forward(own, own, own, rotations));
    const queries = this.norm2.forward(y);
    const seen = this.cross_attn_image.forward(queries, keys, values, rotations, pointers, padding);
    const z = y.add(seen);
    return z.add(this.linear2.forward(this.linear1.forward(this.norm3.forward(z)).relu()));
  }
}

export interface MemoryTokens {
  /** [B, N, E]: cells of memories, then parts of pointers. */
  readonly values: Tensor;
  /** Their places and times, [B, N, E]. */
  readonly positions: Tensor;
  /** How many of them are parts of pointers. */
  readonly pointers: number;
  /** 1 for tokens that stand for nothing, else 0, [B, N]. */
  readonly padding?: Tensor | undefined;
}

export class MemoryAttention extends Module {
  layers: MemoryAttentionLayer[];
  norm: LayerNorm;

  constructor(
    dim: number,
    memory: number,
    options: { readonly depth?: number | undefined; readonly hidden?: number | undefined } = {},
  ) {
    const { depth = 4, hidden = 2048 } = options;
    super();
    this.layers = Array.from({ length: depth }, () => new MemoryAttentionLayer(dim, memory, hidden));
    this.norm = new LayerNorm(dim);
  }

  /** @param map [B, D, rows, columns] @param positions of its cells, [1, D, rows, columns] @returns as map */
  forward(map: Tensor, positions: Tensor, { positions: places, ...tokens }: MemoryTokens): Tensor {
    const [, dim, rows, columns] = map.shape as [number, number, number, number];
    const rotations = gridRotations(dim, rows, columns);
    const keys = tokens.values.add(places);
    let x = map.add(positions.mul(0.1)).flatten(2).transpose(1, 2); // [B, cells, D]
    for (const layer of this.layers) x = layer.forward(x, keys, tokens, rotations);
    return this.norm.forward(x).transpose(1, 2).reshape(map.shape);
  }
}
