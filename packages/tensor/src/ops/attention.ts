/** Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1). */
import { dropout } from "../random.ts";
import type { Tensor } from "../tensor.ts";
import { arange } from "./create.ts";
import { where } from "./elementwise.ts";
import { softmax } from "./softmax.ts";

export interface AttentionOptions {
  /** Broadcasts to [..., L, S]. A bool mask keeps what is true; a float mask is added to the scores. */
  readonly mask?: Tensor | undefined;
  /** Position i attends to positions up to i (counted from the first key, as in PyTorch). */
  readonly causal?: boolean;
  /** Position i attends to positions j with i − before ≤ j ≤ i + after. */
  readonly window?: readonly [before: number, after: number];
  /** Default: 1/√D. */
  readonly scale?: number;
  /** The probability that a weight is left out, for training. */
  readonly dropout?: number;
}

/**
 * softmax(q·kᵀ·scale + mask)·v. q [..., Hq, L, D], k [..., Hk, S, D], v [..., Hk, S, E] → [..., Hq, L, E];
 * with fewer key heads than query heads (Hq a multiple of Hk) each serves a group of neighbours. A query
 * that no key is left for gets zeros.
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor {
  const { causal = false, window, scale = 1 / Math.sqrt(q.shape[q.rank - 1] ?? 1) } = options;
  const [queryHeads, keyHeads] = [q.shape[q.rank - 3], k.shape[k.rank - 3]];
  if (queryHeads !== undefined && keyHeads !== undefined && queryHeads !== keyHeads && keyHeads !== 1)
    return grouped(q, k, v, queryHeads, keyHeads, { ...options, scale });
  const [length, keys] = [q.shape[q.rank - 2] as number, k.shape[k.rank - 2] as number];
  let scores = q.mul(scale).matmul(k.transpose()); // [..., L, S]
  let allowed = options.mask?.dtype === "bool" ? options.mask : undefined;
  if (options.mask && !allowed) scores = scores.add(options.mask);
  if (causal || window) {
    const distance = arange(keys).sub(arange(length).unsqueeze(1)); // [L, S]: j − i
    const [before, after] = [
      window?.[0] ?? Number.POSITIVE_INFINITY,
      Math.min(window?.[1] ?? Number.POSITIVE_INFINITY, causal ? 0 : Number.POSITIVE_INFINITY),
    ];
    let near = after < keys ? distance.lessEqual(after) : undefined;
    if (before < length)
      near = near ? near.logicalAnd(distance.greaterEqual(-before)) : distance.greaterEqual(-before);
    if (near) allowed = allowed ? allowed.logicalAnd(near) : near;
  }
  const dropped = (weights: Tensor) => (options.dropout ? dropout(weights, options.dropout) : weights);
  if (!allowed) return dropped(softmax(scores)).matmul(v);
  // A finite floor: a row of −∞ would be 0/0, also in its gradient.
  const weights = softmax(where(allowed, scores, -1e30));
  return dropped(where(allowed, weights, 0)).matmul(v);
}

/** Key heads that serve several query heads: [..., Hk, G, L, D] against [..., Hk, 1, S, D]. */
function grouped(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  queryHeads: number,
  keyHeads: number,
  options: AttentionOptions,
): Tensor {
  if (queryHeads % keyHeads !== 0)
    throw new Error(
      `scaledDotProductAttention(${q}, ${k}): ${queryHeads} query heads are no multiple of ${keyHeads} key heads`,
    );
  const group = queryHeads / keyHeads;
  const lead = q.shape.slice(0, -3);
  const { mask } = options;
  const split = (t: Tensor) => t.reshape([...t.shape.slice(0, -3), keyHeads, group, ...t.shape.slice(-2)]);
  const wide =
    mask && mask.rank > 2 ? (mask.shape[mask.rank - 3] === 1 ? mask.unsqueeze(-3) : split(mask)) : mask;
  const out = scaledDotProductAttention(split(q), k.unsqueeze(-3), v.unsqueeze(-3), {
    ...options,
    mask: wide,
  });
  return out.reshape([...lead, queryHeads, ...out.shape.slice(-2)]);
}
