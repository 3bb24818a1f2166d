/** Indices that are checked when a graph runs. */
import type { Bounds } from "../graph/bounds.ts";
import { type Attributes, defineOp, type Operator } from "../graph/graph.ts";
import type { Tensor } from "../tensor.ts";
import { applyAll } from "./apply.ts";

/** Outputs the index, and its least and greatest entry, [2]. */
const checkedOp: Operator<Bounds & Attributes> = defineOp<Bounds & Attributes>({
  name: "checkedIndex",
  infer: ([{ dtype, shape }]) => [
    { dtype, shape },
    { dtype, shape: [2] },
  ],
  bounds: (attrs) => attrs,
  emit: (g, [index], [inside, extremes], { attrs: { low, high, ignore }, inputs: [{ dtype }] }) => {
    const literal = (value: number) => g.scalar(value, dtype);
    const counted =
      ignore === undefined
        ? index
        : g.op("Where", [g.op("Equal", [index, literal(ignore)]), literal(0), index]);
    g.node("Clip", [counted, literal(low), literal(high)], [inside]);
    const flat = g.op("Reshape", [counted, g.ints([-1])]);
    const ends = ["ReduceMin", "ReduceMax"].map((type) => g.op(type, [flat, g.ints([0])], { keepdims: 1 }));
    g.node("Concat", ends, [extremes], { axis: 0 });
  },
});

export interface CheckedIndexOptions {
  /** Names the index in the message. Default `index`. */
  readonly what?: string;
  /** A number that is allowed although it lies outside; the result is not defined there. */
  readonly ignore?: number;
  /** Whether −1 is the last entry, and so on down to −size. Default: negative numbers are outside. */
  readonly fromEnd?: boolean;
}

/**
 * The same int32, int64 or uint8 index, of which every entry must lie in 0..size − 1.
 *
 * The host looks at an index that it has before the graph runs; one that the graph computes is looked at after
 * the run. Either way what depends on it is an error where it is read, and variables assigned in the same
 * compiled function keep their values.
 *
 * @throws RangeError, where the result is read: `crossEntropy: label -1 is outside 0..3`
 */
export function checkedIndex(index: Tensor, size: number, options: CheckedIndexOptions = {}): Tensor {
  const { what = "index", ignore, fromEnd = false } = options;
  // Others are refused by the operators that take an index.
  if (index.dtype !== "int32" && index.dtype !== "int64" && index.dtype !== "uint8") return index;
  if (index.dtype === "uint8" && size > 255) return index;
  const bounds = { what, low: fromEnd ? -size : 0, high: size - 1, ignore };
  const checked = applyAll(checkedOp, [index], bounds)[0] as Tensor;
  checked.value.label = index.value.label;
  return checked;
}
