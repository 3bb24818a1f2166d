/** Pooling: the mean of every window. */
import { defineOp, type Operator } from "../graph/graph.ts";
import { toHwncOrder } from "../graph/layout.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, floating } from "./apply.ts";
import { convTranspose1d, convTranspose2d, convTranspose3d } from "./conv.ts";
import { fromArray, ones } from "./create.ts";
import { emitTiledMean, tilingOf } from "./pool-hwnc.ts";
import {
  checkPoolRank,
  outputExtents,
  overhang,
  type Padding,
  type PerAxis,
  type PoolAttributes,
  poolWindow,
  type Window,
  windowOf,
} from "./window.ts";

/** Means over zero-padded windows, per channel; the divisor is always the kernel size. */
const avgPoolOp: Operator<PoolAttributes> = defineOp<PoolAttributes>({
  name: "avgPool",
  infer: ([x], { window, ceil }) => [
    { dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...outputExtents(window, x.shape.slice(2), ceil)] },
  ],
  emit: (g, [x], [y], { attrs: { window }, inputs: [spec], outputs: [out] }) => {
    // In ceil mode a window may end outside. Explicit padding gives every window the same number of
    // entries, and hence the same divisor.
    const after = overhang(window, spec.shape.slice(2), out.shape.slice(2));
    const pads = [0, 0, ...window.before, 0, 0, ...after.map((a) => Math.max(0, a))];
    const padded = pads.some((p) => p > 0) ? g.op("Pad", [x, g.ints(pads), g.scalar(0, spec.dtype)]) : x;
    g.node("AveragePool", [padded], [y], { kernel_shape: window.kernel, strides: window.strides });
  },
  emitHwnc: (g, [x], [y], { attrs: { window }, inputs: [spec], outputs: [out] }) => {
    const tiling =
      g.layout.has(x) && spec.dtype === "float32" ? tilingOf(window, spec.shape, out.shape) : undefined;
    if (tiling) g.layout.set(y, emitTiledMean(g, g.layout.hwnc(x), tiling));
    return tiling !== undefined;
  },
  gradient: ({ inputs: [x], attrs: { window } }, [dy]) => [dy && spreadMean(dy, x.shape, window)],
});

/** Upsamples x [N, C, ...], repeating every entry over a window of `kernel`. */
const repeatOp: Operator<{ kernel: readonly number[] }> = defineOp<{ kernel: readonly number[] }>({
  name: "repeat",
  infer: ([x], { kernel }) => [
    { dtype: x.dtype, shape: x.shape.map((extent, axis) => extent * (kernel[axis - 2] ?? 1)) },
  ],
  emit: (g, [x], [y], { attrs: { kernel }, inputs: [spec], outputs: [out] }) => {
    const [lead, spatial] = [spec.shape.slice(0, 2), spec.shape.slice(2)];
    const wide = [...lead, ...spatial.flatMap((extent, i) => [extent, kernel[i] as number])];
    const column = g.op("Reshape", [x, g.ints([...lead, ...spatial.flatMap((extent) => [extent, 1])])]);
    g.node("Reshape", [g.op("Expand", [column, g.ints(wide)]), g.ints(out.shape)], [y]);
  },
  emitHwnc: (g, [x], [y], { attrs: { kernel }, inputs: [spec], outputs: [out] }) => {
    if (!g.layout.has(x)) return false;
    const [batch, channels, height, width] = spec.shape as [number, number, number, number];
    const [kh, kw] = kernel as [number, number];
    const inner = batch * channels;
    const column = g.op("Reshape", [g.layout.hwnc(x), g.ints([height, 1, width, 1, inner])]);
    const image = g.op("Expand", [column, g.ints([height, kh, width, kw, inner])]);
    g.layout.set(y, g.op("Reshape", [image, g.ints(toHwncOrder(out.shape))]));
    return true;
  },
  gradient: ({ attrs: { kernel } }, [dy]) => [
    dy &&
      apply(avgPoolOp, [dy], { window: windowOf(kernel, { stride: kernel }), ceil: false }).mul(
        sizeOf(kernel),
      ),
  ],
});

/** The gradient of average pooling: dy / K, added to every entry of its window. */
function spreadMean(dy: Tensor, shape: Shape, window: Window): Tensor {
  const rank = window.kernel.length;
  const [batch, channels] = shape as [number, number];
  const scaled = dy.mul(1 / sizeOf(window.kernel));
  const tiles = window.kernel.every(
    (k, i) =>
      k === window.strides[i] &&
      window.before[i] === 0 &&
      k * (dy.shape[i + 2] as number) <= (shape[i + 2] as number),
  );
  if (tiles) {
    const wide = apply(repeatOp, [scaled], { kernel: window.kernel });
    return wide.pad(
      shape.map((extent, axis): [number, number] => [0, extent - (wide.shape[axis] as number)]),
    );
  }
  const single = scaled.reshape([batch * channels, 1, ...dy.shape.slice(2)]);
  const convTranspose = [convTranspose1d, convTranspose2d, convTranspose3d][
    rank - 1
  ] as typeof convTranspose2d;
  const wide = convTranspose(single, ones([1, 1, ...window.kernel], dy.dtype), { stride: window.strides });
  // Crops the padding; entries that no window read get zero.
  const pads = window.before.map((before, i): [number, number] => [
    -before,
    (shape[i + 2] as number) + before - (wide.shape[i + 2] as number),
  ]);
  return wide.pad([[0, 0], [0, 0], ...pads]).reshape(shape);
}

export interface AvgPoolOptions {
  /** Default: the kernel. */
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  readonly ceilMode?: boolean;
  /** Whether padded zeros count in the mean. Default: true. */
  readonly countIncludePad?: boolean;
}

function avgPool(rank: number, x: Tensor, kernel: PerAxis, options: AvgPoolOptions): Tensor {
  checkPoolRank(`avgPool${rank}d`, x, rank);
  const window = poolWindow(`avgPool${rank}d`, x, kernel, options);
  const means = apply(avgPoolOp, [floating(x)], { window, ceil: options.ceilMode ?? false });
  const corrections = divisorCorrections(
    x.shape.slice(2),
    means.shape.slice(2),
    window,
    options.countIncludePad ?? true,
  );
  return corrections ? means.mul(corrections.astype(means.dtype)) : means;
}

/** K / (number of entries that count) for every window, [...]; `undefined` if all are 1. */
function divisorCorrections(
  spatial: Shape,
  extents: Shape,
  window: Window,
  includePad: boolean,
): Tensor | undefined {
  const factors = extents.map((count, axis) => {
    const [k, stride, before] = [
      window.kernel[axis] as number,
      window.strides[axis] as number,
      window.before[axis] as number,
    ];
    const extent = spatial[axis] as number;
    const [low, high] = includePad ? [-before, extent + (window.after[axis] as number)] : [0, extent];
    return Float32Array.from({ length: count }, (_, i) => {
      const start = i * stride - before;
      return k / (Math.min(start + k, high) - Math.max(start, low));
    });
  });
  if (factors.every((factor) => factor.every((f) => f === 1))) return undefined;
  return factors
    .map((factor, axis) =>
      fromArray(
        factor,
        factors.map((_, i) => (i === axis ? factor.length : 1)),
      ),
    )
    .reduce((a, b) => a.mul(b));
}
/** x [N, C, L] → the mean of every window. */
export function avgPool1d(x: Tensor, kernel: PerAxis, options: AvgPoolOptions = {}): Tensor {
  return avgPool(1, x, kernel, options);
}
/** x [N, C, H, W] → the mean of every window. */
export function avgPool2d(x: Tensor, kernel: PerAxis, options: AvgPoolOptions = {}): Tensor {
  return avgPool(2, x, kernel, options);
}
/** x [N, C, D, H, W] → the mean of every window. */
export function avgPool3d(x: Tensor, kernel: PerAxis, options: AvgPoolOptions = {}): Tensor {
  return avgPool(3, x, kernel, options);
}
