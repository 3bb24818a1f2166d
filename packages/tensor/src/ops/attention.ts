/** Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1). */
import { backward } from "../autodiff.ts";
import { CONTRIB } from "../graph/emitter.ts";
import { defineOp, type Operator, type Spec } from "../graph/graph.ts";
import { float } from "../graph/onnx.ts";
import { currentTrace } from "../graph/trace.ts";
import { dropout } from "../random.ts";
import { sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply } from "./apply.ts";
import { arange } from "./create.ts";
import { where } from "./elementwise.ts";
import { softmax } from "./softmax.ts";

export interface AttentionOptions {
  /** Broadcasts to [..., L, S]. A bool mask keeps true entries; a float mask is added to the scores, −∞ masks out. */
  readonly mask?: Tensor | undefined;
  /** Position i attends to positions up to i, counted from the first key as in PyTorch. */
  readonly causal?: boolean;
  /** Position i attends to positions j with i − before ≤ j ≤ i + after. */
  readonly window?: readonly [before: number, after: number];
  /** Default: 1/√D. */
  readonly scale?: number;
  /** Dropout probability of the attention weights, for training. */
  readonly dropout?: number;
}

let observer: ((weights: Tensor) => void) | undefined;

/**
 * Calls `fn`, and `observe` with the weights of every attention in it: [..., Hq, L, S], where each row sums to
 * 1, or to 0 if no key is unmasked. For inspection: attention is not fused inside `fn`.
 */
export function observeAttention<T>(observe: (weights: Tensor) => void, fn: () => T): T {
  const outer = observer;
  observer = observe;
  try {
    return fn();
  } finally {
    observer = outer;
  }
}

/**
 * softmax(q·kᵀ·scale + mask)·v. q [..., Hq, L, D], k [..., Hk, S, D], v [..., Hk, S, E] → [..., Hq, L, E].
 * With fewer key heads than query heads (Hq a multiple of Hk), each serves a group of consecutive query
 * heads. A query with no unmasked key gets zeros.
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
  // A finite floor: a row of −∞ would give 0/0, in the gradient too.
  const floor = scores.dtype === "float16" ? -3e4 : -1e30;
  const { mask } = options;
  let allowed = mask?.dtype === "bool" ? mask : undefined;
  let seen: Tensor | undefined;
  if (mask && !allowed) {
    seen = mask.greater(floor);
    scores = scores.add(where(seen, mask, floor));
  }
  if (causal || window) {
    const distance = arange(keys).sub(arange(length).unsqueeze(1)); // [L, S]: j − i
    const [before, after] = [
      window?.[0] ?? Number.POSITIVE_INFINITY,
      Math.min(window?.[1] ?? Number.POSITIVE_INFINITY, causal ? 0 : Number.POSITIVE_INFINITY),
    ];
    let near = after < keys ? distance.lessEqual(after) : undefined;
    if (before < length)
      near = near ? near.logicalAnd(distance.greaterEqual(-before)) : distance.greaterEqual(-before);
    const other = allowed ?? seen;
    if (near) allowed = other ? other.logicalAnd(near) : near;
  }
  const dropped = (weights: Tensor) => (options.dropout ? dropout(weights, options.dropout) : weights);
  if (!allowed) {
    const plain =
      !mask &&
      !options.dropout &&
      !observer &&
      q.rank === 4 &&
      sameShape(q.shape.slice(0, 2), k.shape.slice(0, 2));
    // ONNX Runtime's fused attention never materialises all scores, but its gradient would recompute them.
    if (plain && currentTrace()?.inference) return apply(fusedOp, [q, k, v], { scale });
    const weights = softmax(scores);
    const anySeen = seen?.any(-1, true);
    observer?.(anySeen ? where(anySeen, weights, 0) : weights);
    const attended = dropped(weights).matmul(v);
    return anySeen ? where(anySeen, attended, 0) : attended;
  }
  const weights = where(allowed, softmax(where(allowed, scores, floor)), 0);
  observer?.(weights);
  return dropped(weights).matmul(v);
}

/** Unmasked attention over q, k, v [B, h, T, d], for inference. */
const fusedOp: Operator<{ scale: number }> = defineOp<{ scale: number }>({
  name: "attention",
  infer: ([q, , v]) => [{ dtype: q.dtype, shape: [...q.shape.slice(0, 3), v.shape[3] as number] }],
  emit: (g, [q, k, v], [y], { attrs: { scale }, inputs: [query, key, value] }) => {
    if (g.device !== "cpu" || g.portable || query.dtype !== "float32") {
      const scaled = g.op("Mul", [q, g.scalar(scale, query.dtype)]);
      const scores = g.op("MatMul", [scaled, g.op("Transpose", [k], { perm: [0, 1, 3, 2] })]);
      g.node("MatMul", [g.op("Softmax", [scores], { axis: -1 }), v], [y]);
      return;
    }
    // [B, h, T, d] → [B, T, h·d]; mostly cancels against the transpose that split the heads.
    const joined = (name: string, { shape }: Spec) => {
      const [batch, heads, tokens, width] = shape as [number, number, number, number];
      const transposed = g.op("Transpose", [name], { perm: [0, 2, 1, 3] });
      return g.op("Reshape", [transposed, g.ints([batch, tokens, heads * width])]);
    };
    const [batch, heads, tokens] = query.shape as [number, number, number];
    const operands = [joined(q, query), joined(k, key), joined(v, value)];
    const out = g.op("MultiHeadAttention", operands, { num_heads: heads, scale: float(scale) }, CONTRIB);
    const split = g.op("Reshape", [out, g.ints([batch, tokens, heads, value.shape[3] as number])]);
    g.node("Transpose", [split], [y], { perm: [0, 2, 1, 3] });
  },
  gradient: ({ inputs: [q, k, v], attrs: { scale } }, [dy]) =>
    dy ? backward([softmax(q.mul(scale).matmul(k.transpose())).matmul(v)], [dy], [q, k, v]) : [],
});

/** Grouped-query attention: [..., Hk, G, L, D] against [..., Hk, 1, S, D]. */
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
      `scaledDotProductAttention(${q}, ${k}): ${queryHeads} query heads are not a multiple of ${keyHeads} key heads`,
    );
  const group = queryHeads / keyHeads;
  const lead = q.shape.slice(0, -3);
  const { mask } = options;
  const split = (t: Tensor) => t.reshape([...t.shape.slice(0, -3), keyHeads, group, ...t.shape.slice(-2)]);
  const wide =
    mask && mask.rank > 2 ? (mask.shape[mask.rank - 3] === 1 ? mask.unsqueeze(-3) : split(mask)) : mask;
  const attend = () =>
    scaledDotProductAttention(split(q), k.unsqueeze(-3), v.unsqueeze(-3), { ...options, mask: wide });
  const observe = observer;
  const joined = (weights: Tensor) =>
    observe?.(weights.reshape([...weights.shape.slice(0, -4), queryHeads, ...weights.shape.slice(-2)]));
  const out = observe ? observeAttention(joined, attend) : attend();
  return out.reshape([...lead, queryHeads, ...out.shape.slice(-2)]);
}
