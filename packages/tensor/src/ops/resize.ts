/** Resizing images and signals, numerically matching PyTorch (`torch.nn.functional.interpolate`). */

import { defineOp, type Operator } from "../graph/graph.ts";
import { float } from "../graph/onnx.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, floating } from "./apply.ts";
import { fromArray } from "./create.ts";
import { take } from "./gather.ts";
import { perAxis } from "./window.ts";

/** `linear`, `bilinear` and `trilinear` are synonyms: the number of spatial axes decides. */
export type ResizeMode = (typeof MODES)[number];
const MODES = ["nearest", "nearestExact", "linear", "bilinear", "trilinear", "bicubic"] as const;

export interface ResizeOptions {
  /** Extents of the result, one per spatial axis or one for all. */
  readonly size?: number | readonly number[];
  /** Factors instead of extents: the result has ⌊extent · factor⌋ entries. */
  readonly scale?: number | readonly number[];
  readonly mode?: ResizeMode;
  /** Aligns the centres of the first and last entries; otherwise pixels count as areas. */
  readonly alignCorners?: boolean;
  /** Widens the filter when downsampling, as PIL does (bilinear and bicubic). */
  readonly antialias?: boolean;
  /** The cubic kernel's parameter a. Default: −0.75, or −0.5 with `antialias`. */
  readonly cubicCoefficient?: number;
  /** With `scale`: computes positions from the extents instead of the factors. */
  readonly recomputeScale?: boolean;
}

/** How one axis is resized. */
interface AxisPlan {
  readonly from: number;
  readonly to: number;
  /** Input entries per output entry. */
  readonly step: number;
}

type Interpolation = {
  readonly kind: "linear" | "cubic";
  readonly alignCorners: boolean;
  readonly antialias: boolean;
  readonly a: number;
  readonly axes: readonly AxisPlan[];
};

/** Resizes the spatial axes of x [N, C, ...] to `size` or by `scale`. */
export function resize(x: Tensor, options: ResizeOptions): Tensor {
  const { mode = "nearest", alignCorners = false, antialias = false, size, scale } = options;
  const rank = x.rank - 2;
  if (rank < 1 || rank > 3)
    throw new Error(`resize(${x}): expected [N, C, ...] with one to three spatial axes`);
  if ((size === undefined) === (scale === undefined))
    throw new Error(`resize(${x}): give either size or scale`);
  if (antialias && (rank !== 2 || mode.startsWith("nearest")))
    throw new Error(`resize(${x}): antialias needs an image and bilinear or bicubic, got ${mode}`);
  if (!MODES.includes(mode)) throw new Error(`resize(${x}): no mode "${mode}", only ${MODES.join(", ")}`);
  if (mode === "bicubic" && rank !== 2) throw new Error(`resize(${x}): bicubic needs two spatial axes`);
  const factors =
    scale === undefined ? undefined : typeof scale === "number" ? new Array<number>(rank).fill(scale) : scale;
  if (factors && factors.length !== rank)
    throw new Error(`resize(${x}): scale must have ${rank} entries, got ${factors.length}`);
  const spatial = x.shape.slice(2);
  if (spatial.includes(0)) throw new Error(`resize(${x}): the image is empty`);
  const extents = perAxis(
    size ?? spatial.map((extent, i) => Math.floor(extent * (factors?.[i] ?? 1))),
    rank,
    `resize(${x}): size`,
  );
  const axes = spatial.map((from, i): AxisPlan => {
    const to = extents[i] as number;
    const given = options.recomputeScale ? undefined : factors?.[i];
    const step = alignCorners ? (to > 1 ? (from - 1) / (to - 1) : 0) : given ? 1 / given : from / to;
    return { from, to, step };
  });
  const input = floating(x);
  if (mode === "nearest" || mode === "nearestExact")
    return axes.reduce((out, axis, i) => nearest(out, i + 2, axis, mode === "nearestExact"), input);
  const kind = mode === "bicubic" ? "cubic" : "linear";
  const a = options.cubicCoefficient ?? (antialias ? -0.5 : -0.75);
  return apply(resizeOp, [input], { kind, alignCorners, antialias, a, axes });
}

function nearest(x: Tensor, axis: number, { from, to, step }: AxisPlan, exact: boolean): Tensor {
  if (from === to && step === 1) return x;
  if (to % from === 0 && step === from / to) return x.repeatInterleave(to / from, axis);
  // In single precision, as PyTorch computes it: the last bit decides which neighbour is nearest.
  const single = Math.fround(step);
  const index = Int32Array.from({ length: to }, (_, i) =>
    Math.min(Math.floor(Math.fround((exact ? i + 0.5 : i) * single)), from - 1),
  );
  return take(x, fromArray(index, [to]), axis, { unchecked: true });
}

const resizeOp: Operator<Interpolation> = defineOp<Interpolation>({
  name: "resize",
  infer: ([x], { axes }) => [
    { dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...axes.map(({ to }) => to)] },
  ],
  emit: (g, [x], [y], { attrs, inputs: [spec], outputs: [out] }) => {
    const direct =
      !attrs.antialias && attrs.axes.length === 2 && attrs.axes.every((axis) => isNatural(axis, attrs));
    if (direct)
      return g.node("Resize", [x, "", "", g.ints(out.shape)], [y], {
        mode: attrs.kind,
        coordinate_transformation_mode: attrs.alignCorners ? "align_corners" : "half_pixel",
        cubic_coeff_a: float(attrs.a),
      });
    // One matrix product per axis, over x as [before, from, after].
    let shape = [...spec.shape];
    let current = x;
    attrs.axes.forEach((plan, i) => {
      const axis = i + 2;
      const before = sizeOf(shape.slice(0, axis));
      const after = sizeOf(shape.slice(axis + 1));
      const flat = g.op("Reshape", [current, g.ints([before, plan.from, after])]);
      const matrix = g.constant(spec.dtype, [...weights(plan, attrs)], [plan.to, plan.from]);
      shape = shape.map((extent, j) => (j === axis ? plan.to : extent));
      current = g.op("Reshape", [g.op("MatMul", [matrix, flat]), g.ints(shape)]);
    });
    g.node("Identity", [current], [y]);
  },
  gradient: ({ inputs: [x], attrs }, [dy]) => [dy && adjoint(dy, x.shape, attrs)],
});

/** Whether the positions are the ones ONNX derives from the extents. */
function isNatural({ from, to, step }: AxisPlan, { alignCorners }: Interpolation): boolean {
  return alignCorners ? to > 1 : step === from / to;
}

/** Multiplies every axis by its transposed weight matrix. */
function adjoint(dy: Tensor, shape: Shape, attrs: Interpolation): Tensor {
  return attrs.axes.reduce((out, plan, i) => {
    const axis = i + 2;
    const matrix = fromArray(weights(plan, attrs), [plan.to, plan.from]).astype(dy.dtype).transpose(); // [from, to]
    const [before, after] = [sizeOf(out.shape.slice(0, axis)), sizeOf(out.shape.slice(axis + 1))];
    const target = out.shape.map((extent, j) => (j === axis ? (shape[axis] as number) : extent));
    return matrix.matmul(out.reshape([before, plan.to, after])).reshape(target);
  }, dy);
}

/** The weight of every input entry in every output entry, [to, from]. */
function weights(plan: AxisPlan, attrs: Interpolation): Float32Array<ArrayBuffer> {
  const { from, to, step } = plan;
  const matrix = new Float32Array(to * from);
  const add = (row: number, column: number, weight: number) => {
    const at = row * from + Math.min(Math.max(column, 0), from - 1);
    matrix[at] = (matrix[at] as number) + weight;
  };
  for (let i = 0; i < to; i++) {
    if (attrs.antialias) antialiased(i, plan, attrs, (column, weight) => add(i, column, weight));
    else {
      const place = attrs.alignCorners ? step * i : step * (i + 0.5) - 0.5;
      if (attrs.kind === "linear") {
        const clamped = Math.max(0, place);
        const low = Math.min(Math.floor(clamped), from - 1);
        add(i, low, 1 - (clamped - low));
        add(i, low + 1, clamped - low);
      } else {
        const low = Math.floor(place);
        for (let k = -1; k <= 2; k++) add(i, low + k, cubic(place - low - k, attrs.a));
      }
    }
  }
  return matrix;
}

/** The filter, stretched when downsampling and normalised at the borders, as in PIL. */
function antialiased(
  i: number,
  { from, step }: AxisPlan,
  { kind, a }: Interpolation,
  add: (column: number, weight: number) => void,
): void {
  const stretch = Math.max(step, 1);
  const support = (kind === "linear" ? 1 : 2) * stretch;
  const centre = step * (i + 0.5);
  const first = Math.max(Math.trunc(centre - support + 0.5), 0);
  const last = Math.min(Math.trunc(centre + support + 0.5), from);
  const taps = Array.from({ length: last - first }, (_, k) => {
    const distance = (k + first - centre + 0.5) / stretch;
    return kind === "linear" ? Math.max(0, 1 - Math.abs(distance)) : cubic(distance, a);
  });
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  taps.forEach((tap, k) => add(first + k, tap / total));
}

/** Keys' cubic convolution kernel (1981) with parameter a. */
function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}
