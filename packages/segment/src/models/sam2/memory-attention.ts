/**
 * Memory attention (Ravi et al. 2024, section 4 and appendix C.1): the map of a frame attends to itself, then to the
 * memories of other frames and to object pointers.
 */
import { LayerNorm, Linear, Module } from "@tessera-ml/nn";
import { concat, full, scaledDotProductAttention, type Tensor } from "@tessera-ml/tensor";
import { gridRotations, type Rotations, rotate } from "./positions.ts";

/** The score of a key that stands for nothing, before it is scaled. */
const NEVER = -1e6;

/** What is attended to, besides keys and values. */
interface Source {
  /** Keys at the end that have no place; default 0. */
  readonly unplaced?: number;
  /** Joins keys that have a place, after they are rotated: [B, N, D] → [B, fewer, D] */
  readonly join?: ((placed: Tensor) => Tensor) | undefined;
  /** Added to the scores of joined keys before they are scaled, [B, N]. */
  readonly bias?: Tensor | undefined;
}

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

  /** @param q [B or 1, cells, D] @param k [B, frames · cells + unplaced, E] @param v [B, as many as joined, E] */
  forward(q: Tensor, k: Tensor, v: Tensor, rotations: Rotations, source: Source = {}): Tensor {
    const { unplaced = 0, join = (x) => x, bias } = source;
    const keys = wherePlaced(this.k_proj.forward(k), unplaced, (x) => join(rotate(x, rotations)));
    const [, cells, dim] = q.shape as [number, number, number];
    const queries = rotate(this.q_proj.forward(q), rotations).expand([k.shape[0] as number, cells, dim]);
    // One more feature instead of a mask, with which attention is not fused.
    const with1 = (x: Tensor, feature: Tensor) => concat([x, feature.unsqueeze(-1)], -1);
    const one = (x: Tensor) => x.unsqueeze(1); // [B, 1, N, D]
    const attended = scaledDotProductAttention(
      one(bias ? with1(queries, full(queries.shape.slice(0, 2), 1)) : queries),
      one(bias ? with1(keys, bias) : keys),
      one(v),
      { scale: 1 / Math.sqrt(dim) },
    );
    // The weights of a query sum to 1, so that values can be projected after they are summed: fewer features to sum.
    return this.out_proj.forward(this.v_proj.forward(attended.squeeze(1)));
  }
}

/** Changes tokens, [B, N, D], but for `unplaced` ones at the end. */
function wherePlaced(x: Tensor, unplaced: number, change: (placed: Tensor) => Tensor): Tensor {
  const placed = (x.shape[1] as number) - unplaced;
  if (placed === 0) return x;
  if (unplaced === 0) return change(x);
  return concat([change(x.narrow(1, 0, placed)), x.narrow(1, placed, unplaced)], 1);
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

  /** @param x [B or 1, cells, D] @param keys [B, N, E] @param values [B, as many as joined, E] @returns [B, cells, D] */
  forward(x: Tensor, keys: Tensor, values: Tensor, rotations: Rotations, source: Source): Tensor {
    const own = this.norm1.forward(x);
    const y = x.add(this.self_attn.forward(own, own, own, rotations));
    const seen = this.cross_attn_image.forward(this.norm2.forward(y), keys, values, rotations, source);
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

  /**
   * @param map [B or 1, D, rows, columns] @param positions of its cells, [1, D, rows, columns]
   * @param options.pooled joins four cells of a memory to one, which counts four times (Xiong et al. 2024, "Efficient Track
   * Anything"): a quarter of the keys. Rows and columns are even. Default false.
   * @returns [B, D, rows, columns]
   */
  forward(
    map: Tensor,
    positions: Tensor,
    { values, positions: places, pointers, padding }: MemoryTokens,
    { pooled = false }: { readonly pooled?: boolean | undefined } = {},
  ): Tensor {
    const [, dim, rows, columns] = map.shape as [number, number, number, number];
    const rotations = gridRotations(dim, rows, columns);
    const join = pooled ? (x: Tensor) => joinFours(x, rows, columns) : (x: Tensor) => x;
    const joined = (x: Tensor) => wherePlaced(x, pointers, join);
    const keys = values.add(places);
    const fewer = joined(values);
    const biases: Tensor[] = [];
    if (padding) biases.push(joined(padding.unsqueeze(-1)).squeeze(-1).mul(NEVER));
    if (pooled) {
      const [batch, count] = fewer.shape as [number, number, number];
      const fours = full([batch, count - pointers], Math.log(4) * Math.sqrt(dim));
      biases.push(pointers > 0 ? concat([fours, full([batch, pointers], 0)], 1) : fours);
    }
    const bias = biases.length > 1 ? (biases[0] as Tensor).add(biases[1] as Tensor) : biases[0];
    const source = { unplaced: pointers, join, bias };
    let x = map.add(positions.mul(0.1)).flatten(2).transpose(1, 2); // [B or 1, cells, D]
    for (const layer of this.layers) x = layer.forward(x, keys, fewer, rotations, source);
    const batch = values.shape[0] as number;
    return this.norm.forward(x).transpose(1, 2).reshape([batch, dim, rows, columns]);
  }
}

/** The means of squares of four cells: [B, K · cells, F] → [B, K · cells / 4, F] */
function joinFours(x: Tensor, rows: number, columns: number): Tensor {
  const [batch, count, features] = x.shape as [number, number, number];
  const frames = count / (rows * columns);
  return x
    .reshape([batch * frames, rows / 2, 2, columns / 2, 2, features])
    .mean([2, 4])
    .reshape([batch, count / 4, features]);
}
