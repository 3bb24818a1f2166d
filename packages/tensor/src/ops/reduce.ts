/** Reductions: sums, extremes, means, norms; and cumulative sums and products. */
import { type DType, isFloat } from "../dtype.ts";
import type { Emitter } from "../graph/emitter.ts";
import { defineOp, type Operator } from "../graph/graph.ts";
import { hwncAxis, toHwncOrder } from "../graph/layout.ts";
import { normalizeAxes, normalizeAxis, reducedShape, type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, arithmetic, floating } from "./apply.ts";
import { astype } from "./cast.ts";
import { full } from "./create.ts";

export type Axes = number | readonly number[];
type Reduction = { axes: readonly number[]; keepDims: boolean };

/** dy with the reduced axes restored as extents of 1, so that it broadcasts against x. */
function restore(dy: Tensor, x: Tensor, { axes, keepDims }: Reduction): Tensor {
  return keepDims ? dy : dy.reshape(reducedShape(x.shape, axes, true));
}

/**
 * Column sums of x [rows, columns] as a product with ones, much faster than ReduceSum over the first axis.
 * Several partial sums keep all cores busy.
 */
export function emitColumnSums(g: Emitter, x: string, rows: number, columns: number): string {
  const parts = [16, 8, 4, 2].find((count) => rows % count === 0 && rows / count >= 16) ?? 1;
  const split = g.op("Reshape", [x, g.ints([parts, rows / parts, columns])]);
  const one = g.table(`ones.${rows / parts}`, [1, rows / parts], () =>
    new Float32Array(rows / parts).fill(1),
  );
  return g.op("ReduceSum", [g.op("MatMul", [one, split]), g.ints([0, 1])], { keepdims: 0 }); // [columns]
}

/** Whether a sum over `axes` is a column sum large enough to matter. */
function sumsColumns(shape: Shape, axes: readonly number[]): boolean {
  const leading = axes.length > 0 && axes.every((axis, i) => axis === i);
  const rows = sizeOf(shape.slice(0, axes.length));
  return leading && rows >= 64 && sizeOf(shape) / rows >= 8;
}

/** Emits an ONNX reduction, except that the extremes of floats propagate NaN. */
function emitReduce(
  g: Emitter,
  type: string,
  x: string,
  axes: readonly number[],
  dtype: DType,
  keepdims: number,
  y: string = g.name(type),
): string {
  const operands = [x, g.ints(axes)];
  if ((type !== "ReduceMax" && type !== "ReduceMin") || !isFloat(dtype) || g.device === "webgpu") {
    g.node(type, operands, [y], { keepdims });
    return y;
  }
  // Whether ONNX Runtime skips a NaN depends on its position. A sum of squares is NaN only if an entry is.
  const squares = g.op("ReduceSumSquare", operands, { keepdims });
  g.node("Where", [g.op("IsNaN", [squares]), squares, g.op(type, operands, { keepdims })], [y]);
  return y;
}

function reduction(
  name: string,
  type: string,
  gradient?: Operator<Reduction>["gradient"],
): Operator<Reduction> {
  return defineOp<Reduction>({
    name,
    infer: ([x], { axes, keepDims }) => [{ dtype: x.dtype, shape: reducedShape(x.shape, axes, keepDims) }],
    emit: (g, [x], [y], { attrs: { axes, keepDims }, inputs: [spec], outputs: [out] }) => {
      if (axes.length === 0) g.node("Identity", [x], [y]);
      else if (
        type === "ReduceSum" &&
        spec.dtype === "float32" &&
        g.device === "cpu" &&
        sumsColumns(spec.shape, axes)
      ) {
        const rows = sizeOf(spec.shape.slice(0, axes.length));
        g.node("Reshape", [emitColumnSums(g, x, rows, sizeOf(spec.shape) / rows), g.ints(out.shape)], [y]);
      } else emitReduce(g, type, x, axes, spec.dtype, keepDims ? 1 : 0, y);
    },
    emitHwnc: (g, [x], [y], { attrs: { axes }, inputs: [spec], outputs: [out] }) => {
      if (!g.layout.has(x)) return false;
      const [batch, channels, height, width] = spec.shape as [number, number, number, number];
      const hwnc = g.layout.hwnc(x);
      const over = axes.join();
      let result: string;
      if (type === "ReduceSum" && over === "0,2,3")
        result = emitColumnSums(g, hwnc, height * width * batch, channels); // [C]
      else if ((type === "ReduceSum" || type === "ReduceMean") && over === "2,3") {
        const sums = emitColumnSums(g, hwnc, height * width, batch * channels); // [N·C]
        result = type === "ReduceSum" ? sums : g.op("Mul", [sums, g.scalar(1 / (height * width))]);
      } else {
        const kept = emitReduce(g, type, hwnc, axes.map(hwncAxis), spec.dtype, 1);
        result = g.op("Transpose", [kept], { perm: toHwncOrder([0, 1, 2, 3]) });
      }
      g.node("Reshape", [result, g.ints(out.shape)], [y]);
      return true;
    },
    ...(gradient && { gradient }),
  });
}

const sumOp = reduction("sum", "ReduceSum", ({ inputs: [x], attrs }, [dy]) => [
  dy && restore(dy, x, attrs).expand(x.shape),
]);
const meanOp = reduction("mean", "ReduceMean", ({ inputs: [x], outputs: [y], attrs }, [dy]) => [
  dy && restore(dy.mul(sizeOf(y.shape) / sizeOf(x.shape)), x, attrs).expand(x.shape),
]);
/** Ties share the gradient evenly, as in PyTorch's amax. */
const extremeGradient: Operator<Reduction>["gradient"] = ({ inputs: [x], outputs: [y], attrs }, [dy]) => {
  if (!dy) return [];
  const ties = astype(x.equal(restore(y, x, attrs)), x.dtype);
  return [ties.mul(restore(dy, x, attrs).div(ties.sum(attrs.axes, true)))];
};
const maxOp = reduction("max", "ReduceMax", extremeGradient);
const minOp = reduction("min", "ReduceMin", extremeGradient);
/** Gradient: the product of the other entries, as prefix times suffix product, which is correct for zeros. */
const prodOp = reduction("prod", "ReduceProd", ({ inputs: [x], attrs }, [dy]) => {
  if (!dy) return [];
  const kept = normalizeAxes(undefined, x.rank).filter((axis) => !attrs.axes.includes(axis));
  const order = [...kept, ...attrs.axes];
  const count = (axes: readonly number[]) => sizeOf(axes.map((axis) => x.shape[axis] as number));
  const rows = x.permute(order).reshape([count(kept), count(attrs.axes)]); // [R, K]
  const shifted = (values: Tensor) =>
    values
      .pad(
        [
          [0, 0],
          [1, 0],
        ],
        { value: 1 },
      )
      .slice([0, 0], rows.shape);
  const before = cumprod(shifted(rows), 1);
  const after = cumprod(shifted(rows.flip(1)), 1).flip(1);
  const others = before.mul(after).reshape(order.map((axis) => x.shape[axis] as number));
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return [others.permute(inverse).mul(restore(dy, x, attrs))];
});

function reduce(op: Operator<Reduction>, x: Tensor, axes: Axes | undefined, keepDims: boolean): Tensor {
  return apply(op, [x], { axes: normalizeAxes(axes, x.rank), keepDims });
}

/** The result shape of a reduction over no entries; `undefined` if there are entries. */
function emptyReduction(x: Tensor, axes: Axes | undefined, keepDims: boolean): Shape | undefined {
  const list = normalizeAxes(axes, x.rank);
  return list.some((axis) => x.shape[axis] === 0) ? reducedShape(x.shape, list, keepDims) : undefined;
}

/** Sum over `axes` (all by default). */
export function sum(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce(sumOp, arithmetic(x), axes, keepDims);
}
/** Mean over `axes` (all by default); NaN if there are no entries. */
export function mean(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  const empty = emptyReduction(x, axes, keepDims);
  if (empty) return full(empty, Number.NaN, floating(x).dtype);
  return reduce(meanOp, floating(x), axes, keepDims);
}
export function prod(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce(prodOp, arithmetic(x), axes, keepDims);
}
/** The largest entry over `axes` (all by default); NaN if any entry is. */
export function max(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return extreme("max", maxOp, x, axes, keepDims);
}
/** The smallest entry over `axes` (all by default); NaN if any entry is. */
export function min(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return extreme("min", minOp, x, axes, keepDims);
}

function extreme(
  name: string,
  op: Operator<Reduction>,
  x: Tensor,
  axes: Axes | undefined,
  keepDims: boolean,
): Tensor {
  if (emptyReduction(x, axes, keepDims)) throw new Error(`${name}(${x}): an empty axis has no ${name}imum`);
  return reduce(op, arithmetic(x), axes, keepDims);
}

/** Whether any entry is true. */
export function any(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return sum(astype(astype(x, "bool"), "int32"), axes, keepDims).greater(0);
}
/** Whether all entries are true. */
export function all(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return any(x.logicalNot(), axes, keepDims).logicalNot();
}

/** Variance; `correction` 1 (Bessel's, the default, as in PyTorch) or 0. */
export function variance(
  x: Tensor,
  axes?: Axes,
  options: { keepDims?: boolean; correction?: number } = {},
): Tensor {
  const { keepDims = false, correction = 1 } = options;
  const list = normalizeAxes(axes, x.rank);
  const count = sizeOf(list.map((axis) => x.shape[axis] as number));
  const centred = floating(x).sub(mean(x, list, true));
  return sum(centred.square(), list, keepDims).div(Math.max(0, count - correction));
}
/** Standard deviation; `correction` as in `variance`. */
export function std(
  x: Tensor,
  axes?: Axes,
  options: { keepDims?: boolean; correction?: number } = {},
): Tensor {
  return variance(x, axes, options).sqrt();
}
/** The p-norm over `axes`; p = 2 by default, Infinity for the largest magnitude. */
export function norm(x: Tensor, axes?: Axes, options: { keepDims?: boolean; p?: number } = {}): Tensor {
  const { keepDims = false, p = 2 } = options;
  const size = floating(x).abs();
  if (p === Number.POSITIVE_INFINITY) return max(size, axes, keepDims);
  if (p === 1) return sum(size, axes, keepDims);
  if (p !== 2) return sum(size.pow(p), axes, keepDims).pow(1 / p);
  const total = sum(floating(x).square(), axes, keepDims);
  // The square root has infinite slope at 0; the norm's subgradient there is 0.
  const zero = total.equal(0);
  return total.add(astype(zero, total.dtype)).sqrt().mul(astype(zero.logicalNot(), total.dtype));
}
/** log Σ e^x, numerically stable; −∞ if there are no entries. */
export function logSumExp(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  const values = floating(x);
  const list = normalizeAxes(axes, x.rank);
  const empty = emptyReduction(x, axes, keepDims);
  if (empty) return full(empty, Number.NEGATIVE_INFINITY, values.dtype);
  const top = reduce(maxOp, values, list, true).stopGradient();
  // If all entries are −∞, or one is ∞, the shift must not give ∞ − ∞.
  const shift = top.abs().equal(Number.POSITIVE_INFINITY).where(0, top);
  const total = values.sub(shift).exp().sum(list, true).log().add(shift);
  return keepDims ? total : total.reshape(reducedShape(x.shape, list, false));
}

type Arg = { axis: number; keepDims: boolean };
function arg(name: string, type: string): Operator<Arg> {
  return defineOp<Arg>({
    name,
    infer: ([x], { axis, keepDims }) => {
      if (x.shape[axis] === 0) throw new Error(`axis ${axis} is empty`);
      return [{ dtype: "int32", shape: reducedShape(x.shape, [axis], keepDims) }];
    },
    emit: (g, [x], [y], { attrs: { axis, keepDims } }) => {
      const index = g.op(type, [x], { axis, keepdims: keepDims ? 1 : 0 });
      g.node("Cast", [index], [y], { to: 6 });
    },
  });
}
const argMaxOp = arg("argmax", "ArgMax");
const argMinOp = arg("argmin", "ArgMin");

/**
 * Index (int32) of the largest entry along `axis`, or in the flattened tensor without one; the first of
 * ties. NaN is unordered: with one along the axis, the result is backend-dependent.
 */
export function argmax(x: Tensor, axis?: number, keepDims = false): Tensor {
  return argOf(argMaxOp, x, axis, keepDims);
}
/** Index (int32) of the smallest entry along `axis`, the first of ties; NaN as in `argmax`. */
export function argmin(x: Tensor, axis?: number, keepDims = false): Tensor {
  return argOf(argMinOp, x, axis, keepDims);
}
function argOf(op: Operator<Arg>, x: Tensor, axis: number | undefined, keepDims: boolean): Tensor {
  const source = axis === undefined ? arithmetic(x).reshape([-1]) : arithmetic(x);
  return apply(op, [source], {
    axis: normalizeAxis(axis ?? 0, source.rank),
    keepDims: keepDims && axis !== undefined,
  });
}

const cumsumOp: Operator<{ axis: number; reverse: boolean }> = defineOp<{ axis: number; reverse: boolean }>({
  name: "cumsum",
  infer: ([x]) => [x],
  emit: (g, [x], [y], { attrs: { axis, reverse } }) =>
    g.node("CumSum", [x, g.scalar(axis, "int32")], [y], { reverse: reverse ? 1 : 0 }),
  gradient: ({ attrs: { axis, reverse } }, [dy]) => [
    dy && apply(cumsumOp, [dy], { axis, reverse: !reverse }),
  ],
});

/** Cumulative sum along `axis`; from the end with `reverse`. */
export function cumsum(x: Tensor, axis: number, options: { reverse?: boolean } = {}): Tensor {
  return apply(cumsumOp, [arithmetic(x)], {
    axis: normalizeAxis(axis, x.rank),
    reverse: options.reverse ?? false,
  });
}

/** Cumulative product along `axis`, by doubling: in round k, entry i is multiplied by entry i − 2^k. */
export function cumprod(x: Tensor, axis: number): Tensor {
  const a = normalizeAxis(axis, x.rank);
  const length = x.shape[a] as number;
  let out = arithmetic(x);
  for (let shift = 1; shift < length; shift *= 2) {
    const pads = x.shape.map((_, i): [number, number] => (i === a ? [shift, 0] : [0, 0]));
    out = out.mul(out.narrow(a, 0, length - shift).pad(pads, { value: 1 }));
  }
  return out;
}

/** Sums a broadcast tensor back to `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes: number[] = [];
  x.shape.forEach((extent, i) => {
    if (i < lead || (shape[i - lead] === 1 && extent !== 1)) axes.push(i);
  });
  const summed = axes.length > 0 ? sum(x, axes, true) : x;
  return sameShape(summed.shape, shape) ? summed : summed.reshape(shape);
}
