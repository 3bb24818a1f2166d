/** Sorting along an axis. */

import { isFloat } from "../dtype.ts";
import { defineOp, type Operator } from "../graph/graph.ts";
import { normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { applyAll, arithmetic, floating } from "./apply.ts";
import { zeros } from "./create.ts";
import { lerp } from "./elementwise.ts";
import { scatter } from "./gather.ts";

type TopK = { k: number; axis: number; largest: boolean };
const topKOp: Operator<TopK> = defineOp<TopK>({
  name: "topK",
  infer: ([x], { k, axis }) => {
    const extent = x.shape[axis] as number;
    if (!Number.isInteger(k) || k < 0 || k > extent)
      throw new Error(`expected an integer k from 0 to ${extent}, got ${k}`);
    const shape = x.shape.map((e, i) => (i === axis ? k : e));
    return [
      { dtype: x.dtype, shape },
      { dtype: "int32", shape },
    ];
  },
  emit: (g, [x], [values, indices], { attrs: { k, axis, largest } }) => {
    const wide = g.name("indices");
    g.node("TopK", [x, g.ints([k])], [values, wide], { axis, largest: largest ? 1 : 0, sorted: 1 });
    g.node("Cast", [wide], [indices], { to: 6 });
  },
  gradient: ({ inputs: [x], outputs: [, indices], attrs: { axis } }, [dy]) => [
    dy && isFloat(x.dtype)
      ? scatter(zeros(x.shape, x.dtype), axis, indices, dy, { unchecked: true })
      : undefined,
  ],
});

/** Sorted entries and where they came from. */
export interface Sorted {
  readonly values: Tensor;
  /** int32 */
  readonly indices: Tensor;
}

/** The k largest (or smallest) entries along `axis`, best first, ties in index order. NaN as in `sort`. */
export function topK(x: Tensor, k: number, options: { axis?: number; largest?: boolean } = {}): Sorted {
  const axis = normalizeAxis(options.axis ?? -1, x.rank);
  const [values, indices] = applyAll(topKOp, [arithmetic(x)], { k, axis, largest: options.largest ?? true });
  return { values: values as Tensor, indices: indices as Tensor };
}
/** All entries along `axis`, ascending by default; the sort is stable. The position of NaN is backend-dependent. */
export function sort(x: Tensor, options: { axis?: number; descending?: boolean } = {}): Sorted {
  const axis = normalizeAxis(options.axis ?? -1, x.rank);
  return topK(x, x.shape[axis] as number, { axis, largest: options.descending ?? false });
}
/** The median along `axis` (the last by default), the lower of two as in PyTorch. NaN as in `sort`. */
export function median(x: Tensor, options: { axis?: number; keepDims?: boolean } = {}): Tensor {
  const axis = normalizeAxis(options.axis ?? -1, x.rank);
  const middle = Math.floor(((x.shape[axis] as number) - 1) / 2);
  const kept = sort(x, { axis }).values.narrow(axis, middle, 1);
  return options.keepDims ? kept : kept.squeeze(axis);
}
/** The `q`-quantile along `axis` (the last by default), q in [0, 1], interpolated linearly. NaN as in `sort`. */
export function quantile(x: Tensor, q: number, options: { axis?: number; keepDims?: boolean } = {}): Tensor {
  const axis = normalizeAxis(options.axis ?? -1, x.rank);
  const extent = x.shape[axis] as number;
  if (!(q >= 0 && q <= 1) || extent === 0)
    throw new Error(
      `quantile(${x}): expected q in [0, 1] and a non-empty axis, got ${q} of ${extent} entries`,
    );
  const place = q * (extent - 1);
  const low = Math.min(Math.floor(place), Math.max(0, extent - 2));
  const pair = sort(floating(x), { axis }).values.narrow(axis, low, Math.min(2, extent));
  const [a, b = a] = pair.split(1, axis) as [Tensor, Tensor?];
  const kept = lerp(a, b, place - low);
  return options.keepDims ? kept : kept.squeeze(axis);
}
/** The indices (int32) that sort x along `axis`. */
export function argsort(x: Tensor, options: { axis?: number; descending?: boolean } = {}): Tensor {
  return sort(x, options).indices;
}
