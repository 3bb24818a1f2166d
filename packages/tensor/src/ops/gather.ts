/**
 * Reading and writing at indices. An index into an axis of n entries counts from its end where it is negative, as
 * in NumPy: −n..n − 1 are inside. What numbers things (ids of an embedding, classes) is not: 0..n − 1.
 */
import { type DType, isFloat, ONNX_TYPE } from "../dtype.ts";
import type { Emitter } from "../graph/emitter.ts";
import { defineOp, type Operator, type Spec } from "../graph/graph.ts";
import { formatShape, normalizeAxis, type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply } from "./apply.ts";
import { astype } from "./cast.ts";
import { checkedIndex } from "./checked.ts";
import { arange, zeros } from "./create.ts";

type Axis = { axis: number };

function checkIndex(index: Spec): void {
  if (index.dtype !== "int32" && index.dtype !== "int64")
    throw new Error(`indices must be int32 or int64, got ${index.dtype}`);
}

const takeOp: Operator<Axis> = defineOp<Axis>({
  name: "take",
  infer: ([x, indices], { axis }) => {
    checkIndex(indices);
    return [
      { dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] },
    ];
  },
  emit: (g, [x, indices], [y], { attrs }) => g.node("Gather", [x, indices], [y], { axis: attrs.axis }),
  gradient: ({ inputs: [x, indices], attrs }, [dy]) => [
    dy && isFloat(x.dtype) ? apply(takeGradientOp, [dy, indices], { ...attrs, shape: x.shape }) : undefined,
  ],
});

/** Adds updates to an array at an index; float16 in single precision, as ONNX Runtime does not add float16. */
export function emitScatterAdd(
  g: Emitter,
  [base, index, updates]: readonly [base: string, index: string, updates: string],
  y: string,
  axis: number,
  dtype: DType,
): void {
  const attributes = { axis, reduction: "add" };
  if (dtype === "float16") {
    const [wide, added] = [base, updates].map((name) => g.op("Cast", [name], { to: ONNX_TYPE.float32 }));
    const sum = g.op("ScatterElements", [wide as string, index, added as string], attributes);
    g.node("Cast", [sum], [y], { to: ONNX_TYPE.float16 });
  } else g.node("ScatterElements", [base, index, updates], [y], attributes);
}

/**
 * Adds slices of dy into zeros at indices along an axis. Uses ScatterElements, as ScatterND's additions race
 * on the CPU if indices repeat.
 */
const takeGradientOp: Operator<Axis & { shape: Shape }> = defineOp<Axis & { shape: Shape }>({
  name: "takeGradient",
  infer: ([dy], { shape }) => [{ dtype: dy.dtype, shape }],
  emit: (g, [dy, indices], [dx], { attrs: { axis, shape }, inputs: [spec, index] }) => {
    const count = sizeOf(index.shape);
    const flat = [...shape.slice(0, axis), count, ...shape.slice(axis + 1)];
    const updates = g.op("Reshape", [dy, g.ints(flat)], { allowzero: 1 });
    const column = g.op("Reshape", [indices, g.ints(flat.map((_, i) => (i === axis ? count : 1)))], {
      allowzero: 1,
    });
    const wide = g.op("Expand", [column, g.ints(flat)]);
    const base = g.op("Expand", [g.scalar(0, spec.dtype), g.ints(shape)]);
    emitScatterAdd(g, [base, wide, updates], dx, axis, spec.dtype);
  },
  gradient: ({ inputs: [, indices], attrs: { axis } }, [c]) => [c && apply(takeOp, [c, indices], { axis })],
});

export interface IndexOptions {
  /** Leaves the entries of the index unchecked: they are known to lie inside, as those of `topK` do. */
  readonly unchecked?: boolean;
}

/** The index with a check that its entries lie inside an axis of x, negative ones counting from the end. */
function inside(index: Tensor, x: Tensor, axis: number, what: string, options: IndexOptions): Tensor {
  if (options.unchecked) return index;
  return checkedIndex(index, x.shape[axis] as number, { what: `${what}: index`, fromEnd: true });
}

/**
 * Slices of x at indices of any shape along `axis`, which is replaced by the axes of the indices. Negative
 * indices count from the end.
 *
 * @throws RangeError where an index lies outside, when the result is read; so do `gather`, `scatter`, `scatterAdd`
 */
export function take(x: Tensor, indices: Tensor, axis = 0, options: IndexOptions = {}): Tensor {
  const at = normalizeAxis(axis, x.rank);
  return apply(takeOp, [x, inside(indices, x, at, "take", options)], { axis: at });
}
/**
 * Rows of a table [V, D] for ids [...]: [..., D].
 *
 * @throws RangeError where an id lies outside 0..V − 1, when the result is read
 */
export function embedding(weight: Tensor, ids: Tensor): Tensor {
  if (weight.rank !== 2) throw new Error(`embedding(${weight}): expected a table [V, D]`);
  const checked = checkedIndex(ids, weight.shape[0] as number, { what: "embedding: id" });
  return take(weight, checked, 0, { unchecked: true });
}

const gatherOp: Operator<Axis> = defineOp<Axis>({
  name: "gather",
  infer: ([x, index], { axis }) => {
    checkIndex(index);
    checkInside(index.shape, x.shape, axis);
    return [{ dtype: x.dtype, shape: index.shape }];
  },
  emit: (g, [x, index], [y], { attrs: { axis }, inputs: [spec, indexSpec] }) =>
    // ONNX requires equal extents on the other axes; PyTorch allows a smaller index.
    g.node("GatherElements", [cut(g, x, spec, indexSpec, axis), index], [y], { axis }),
  gradient: ({ inputs: [x, index], attrs: { axis } }, [dy]) => [
    dy && isFloat(x.dtype)
      ? scatterAdd(zeros(x.shape, x.dtype), axis, index, dy, { unchecked: true })
      : undefined,
  ],
});

function checkInside(index: Shape, shape: Shape, axis: number): void {
  if (index.length !== shape.length || index.some((extent, i) => i !== axis && extent > (shape[i] as number)))
    throw new Error(
      `an index of ${formatShape(index)} exceeds ${formatShape(shape)} on an axis other than ${axis}`,
    );
}

/** x cropped to the index's extents on every axis except `axis`. */
function cut(
  g: Parameters<Operator<Axis>["emit"]>[0],
  x: string,
  spec: Spec,
  index: Spec,
  axis: number,
): string {
  const axes = spec.shape.flatMap((extent, i) => (i !== axis && extent !== index.shape[i] ? [i] : []));
  if (axes.length === 0) return x;
  const ends = axes.map((i) => index.shape[i] as number);
  return g.op("Slice", [x, g.ints(axes.map(() => 0)), g.ints(ends), g.ints(axes)]);
}

/** y[i][j] = x[index[i][j]][j] for axis 0, and analogously for the others; y has the shape of the index. */
export function gather(x: Tensor, axis: number, index: Tensor, options: IndexOptions = {}): Tensor {
  const at = normalizeAxis(axis, x.rank);
  return apply(gatherOp, [x, inside(index, x, at, "gather", options)], { axis: at });
}

const scatterOp: Operator<Axis & { add: boolean }> = defineOp<Axis & { add: boolean }>({
  name: "scatter",
  infer: ([x, index, source], { axis }) => {
    checkIndex(index);
    checkInside(index.shape, x.shape, axis);
    if (!sameShape(index.shape, source.shape))
      throw new Error(`index ${formatShape(index.shape)} and source ${formatShape(source.shape)} differ`);
    return [x];
  },
  emit: (g, [x, index, source], [y], { attrs: { axis, add }, inputs: [spec] }) => {
    if (add) emitScatterAdd(g, [x, index, source], y, axis, spec.dtype);
    else g.node("ScatterElements", [x, index, source], [y], { axis });
  },
  gradient: ({ inputs: [x, index, source], attrs: { axis, add }, needs }, [dy]) => {
    if (!dy) return [];
    const kept = add ? dy : scatter(dy, axis, index, zeros(source.shape, x.dtype), { unchecked: true });
    return [
      needs[0] ? kept : undefined,
      null,
      needs[2] ? gather(dy, axis, index, { unchecked: true }) : undefined,
    ];
  },
});

/** The operands of a scatter; the source takes the type of x. */
type Scattered = [x: Tensor, axis: number, index: Tensor, source: Tensor, options?: IndexOptions];

function scattered(add: boolean, ...[x, axis, index, source, options = {}]: Scattered): Tensor {
  const at = normalizeAxis(axis, x.rank);
  const checked = inside(index, x, at, add ? "scatterAdd" : "scatter", options);
  return apply(scatterOp, [x, checked, astype(source, x.dtype)], { axis: at, add });
}
/** x with `source` written at the index along `axis`; if indices repeat, one of them wins. */
export function scatter(...operands: Scattered): Tensor {
  return scattered(false, ...operands);
}
/** x with `source` added at the index along `axis`. */
export function scatterAdd(...operands: Scattered): Tensor {
  return scattered(true, ...operands);
}

/**
 * One-hot vectors [..., classes].
 *
 * @throws RangeError where an id lies outside 0..classes − 1, when the result is read
 */
export function oneHot(ids: Tensor, classes: number, dtype: DType = "float32"): Tensor {
  const checked = checkedIndex(ids, classes, { what: "oneHot: id" });
  return astype(checked.unsqueeze(-1).equal(arange(classes).astype(ids.dtype)), dtype);
}
