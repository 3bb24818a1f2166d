/** Pooling: the largest or the mean entry of every window. */
import { defineOp, type Operator } from "../graph/graph.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, applyAll, floating } from "./apply.ts";
import { convTranspose1d, convTranspose2d, convTranspose3d } from "./conv.ts";
import { fromArray, ones } from "./create.ts";
import { emitScatterAdd } from "./gather.ts";
import { concat } from "./movement.ts";
import { emitMaxGradientByTaps, emitTiledMax, emitTiledMaxGradient, tilingOf } from "./pool-pixels.ts";
import {
  outputExtents,
  overhang,
  type Padding,
  type PerAxis,
  perAxis,
  type Window,
  windowAttributes,
  windowOf,
} from "./window.ts";

type PoolAttributes = { window: Window; ceil: boolean };

function checkRank(name: string, x: Tensor, rank: number): void {
  if (x.rank !== rank + 2) throw new Error(`${name}(${x}): expected ${rank + 2} axes, [N, C, ...]`);
}

/** Outputs the maxima and where they stand, as int64 indices into the flattened input. */
const maxPoolOp: Operator<PoolAttributes> = defineOp<PoolAttributes>({
  name: "maxPool",
  infer: ([x], { window, ceil }) => {
    const shape = [...x.shape.slice(0, 2), ...outputExtents(window, x.shape.slice(2), ceil)];
    return [
      { dtype: x.dtype, shape },
      { dtype: "int64", shape },
    ];
  },
  emit: (g, [x], [y, indices], { attrs: { window, ceil }, inputs: [spec], outputs: [out], used }) => {
    // ONNX Runtime's ceil mode keeps a last window that starts in the padding, where PyTorch drops it:
    // longer padding says the same. It must be shorter than the kernel, which only dilation can exceed.
    const after = overhang(window, spec.shape.slice(2), out.shape.slice(2)).map((entries, i) =>
      Math.max(entries, window.after[i] as number),
    );
    const fits = after.every((entries, i) => entries < (window.kernel[i] as number));
    // WebGPU's MaxPool has no indices; the gradient finds the maxima again there.
    const indexed = used[1] && g.device !== "webgpu";
    g.node("MaxPool", [x], indexed ? [y, indices] : [y], {
      ...windowAttributes(ceil && fits ? { ...window, after } : window),
      ceil_mode: ceil && !fits ? 1 : 0,
    });
  },
  emitPixels: (g, [x], [y], { attrs: { window }, inputs: [spec], outputs: [out] }) => {
    const tiling = g.layout.has(x) ? tilingOf(window, spec.shape, out.shape) : undefined;
    if (tiling) g.layout.set(y, emitTiledMax(g, g.layout.pixels(x), tiling));
    return tiling !== undefined;
  },
  gradient: ({ inputs: [x], outputs: [y, indices], attrs: { window } }, [dy]) => [
    dy &&
      apply(maxPoolGradientOp, [dy, indices, x, y], {
        shape: x.shape,
        overlapping: overlaps(window),
        window,
      }),
  ],
});

function overlaps(window: Window): boolean {
  return window.kernel.some((k, i) => k > (window.strides[i] as number) || window.dilations[i] !== 1);
}

type MaxPoolGradient = { shape: Shape; overlapping: boolean; window?: Window };
/**
 * Writes dy where the maxima stood; entries that were the maximum of several windows add up. Pixels
 * first, where there are no indices, the maxima are found again from x and y.
 */
const maxPoolGradientOp: Operator<MaxPoolGradient> = defineOp<MaxPoolGradient>({
  name: "maxPoolGradient",
  infer: ([dy], { shape }) => [{ dtype: dy.dtype, shape }],
  emit: (g, [dy, indices, x, y], [dx], { attrs: { shape, overlapping, window }, inputs: [spec] }) => {
    if (g.device === "webgpu" && window)
      return emitMaxGradientByTaps(g, [x, y, dy], [dx], window, shape, spec);
    const zeros = g.op("Expand", [g.scalar(0, spec.dtype), g.ints([sizeOf(shape)])]);
    const flat = (name: string) => g.op("Reshape", [name, g.ints([-1])]);
    const operands = [zeros, flat(indices), flat(dy)] as const;
    const sum = g.name("ScatterElements");
    if (overlapping) emitScatterAdd(g, operands, sum, 0, spec.dtype);
    else g.node("ScatterElements", operands, [sum], { axis: 0 });
    g.node("Reshape", [sum, g.ints(shape)], [dx]);
  },
  emitPixels: (g, [dy, , x, y], [dx], { attrs: { window, shape }, inputs: [spec] }) => {
    const tiling = window && g.layout.has(x) ? tilingOf(window, shape, spec.shape) : undefined;
    if (!tiling) return false;
    const { layout } = g;
    const image = emitTiledMaxGradient(g, layout.pixels(x), layout.pixels(y), layout.pixels(dy), tiling);
    const [batch, channels, ...spatial] = shape as [number, number, ...number[]];
    layout.set(dx, g.op("Reshape", [image, g.ints([...spatial, batch, channels])]));
    return true;
  },
  gradient: ({ inputs: [, indices] }, [c]) => [c && apply(pickOp, [c, indices], {})],
});

/** Entries of the flattened first operand at the indices given by the second. */
const pickOp: Operator<Record<string, never>> = defineOp<Record<string, never>>({
  name: "pick",
  infer: ([x, indices]) => [{ dtype: x.dtype, shape: indices.shape }],
  emit: (g, [x, indices], [y]) => {
    if (g.device === "webgpu")
      throw new Error(
        "maxPool: second derivatives need the indices of the maxima, which WebGPU does not give",
      );
    g.node("Gather", [g.op("Reshape", [x, g.ints([-1])]), indices], [y], { axis: 0 });
  },
  gradient: ({ inputs: [x, indices] }, [dy]) => [
    dy && apply(maxPoolGradientOp, [dy, indices], { shape: x.shape, overlapping: true }),
  ],
});

export interface MaxPoolOptions {
  /** Default: the kernel. */
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  readonly dilation?: PerAxis;
  /** Lets the last window end outside of the padded input. */
  readonly ceilMode?: boolean;
}

/** The window of a pool; the stride is the kernel by default. */
function poolWindow(
  name: string,
  x: Tensor,
  kernel: PerAxis,
  options: { stride?: PerAxis; padding?: Padding; dilation?: PerAxis },
): Window {
  const rank = x.rank - 2;
  const window = windowOf(perAxis(kernel, rank, `${name}: kernel`), {
    ...options,
    stride: options.stride ?? kernel,
  });
  window.kernel.forEach((extent, i) => {
    // ONNX Runtime's limit, too. A window that meets no entry would have no answer.
    if (Math.max(window.before[i] as number, window.after[i] as number) >= extent)
      throw new Error(
        `${name}(${x}): a padding of ${window.before[i]} and ${window.after[i]} must be below the kernel, ${extent} (spatial axis ${i})`,
      );
  });
  return window;
}

function maxPool(rank: number, x: Tensor, kernel: PerAxis, options: MaxPoolOptions): Tensor {
  checkRank(`maxPool${rank}d`, x, rank);
  const window = poolWindow(`maxPool${rank}d`, x, kernel, options);
  return applyAll(maxPoolOp, [floating(x)], { window, ceil: options.ceilMode ?? false })[0] as Tensor;
}
/** x [N, C, L] → the largest entry of every window; padding counts as −∞. */
export function maxPool1d(x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}): Tensor {
  return maxPool(1, x, kernel, options);
}
/** x [N, C, H, W] → the largest entry of every window. */
export function maxPool2d(x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}): Tensor {
  return maxPool(2, x, kernel, options);
}
/** x [N, C, D, H, W] → the largest entry of every window. */
export function maxPool3d(x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}): Tensor {
  return maxPool(3, x, kernel, options);
}

/** Sums over windows, zero padded, every channel by itself. */
const sumPoolOp: Operator<PoolAttributes> = defineOp<PoolAttributes>({
  name: "avgPool",
  infer: ([x], { window, ceil }) => [
    { dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...outputExtents(window, x.shape.slice(2), ceil)] },
  ],
  emit: (g, [x], [y], { attrs: { window }, inputs: [spec], outputs: [out] }) => {
    // A window that ends outside (ceil mode) is a window over a longer padding: explicit padding keeps
    // the count of entries, and with it the divisor, the same everywhere.
    const after = overhang(window, spec.shape.slice(2), out.shape.slice(2));
    const pads = [0, 0, ...window.before, 0, 0, ...after.map((a) => Math.max(0, a))];
    const padded = pads.some((p) => p > 0) ? g.op("Pad", [x, g.ints(pads), g.scalar(0, spec.dtype)]) : x;
    g.node("AveragePool", [padded], [y], { kernel_shape: window.kernel, strides: window.strides });
  },
  gradient: ({ inputs: [x], attrs: { window } }, [dy]) => [dy && spreadMean(dy, x.shape, window)],
});

/** The gradient of the mean over windows: dy / K written to every entry of its window. */
function spreadMean(dy: Tensor, shape: Shape, window: Window): Tensor {
  const rank = window.kernel.length;
  const [batch, channels] = shape as [number, number];
  const scaled = dy.mul(1 / sizeOf(window.kernel));
  const plain = window.kernel.every(
    (k, i) =>
      k === window.strides[i] &&
      window.before[i] === 0 &&
      k * (dy.shape[i + 2] as number) === (shape[i + 2] as number),
  );
  if (plain) {
    const column = [batch, channels, ...dy.shape.slice(2).flatMap((extent) => [extent, 1])];
    const wide = [
      batch,
      channels,
      ...dy.shape.slice(2).flatMap((extent, i) => [extent, window.kernel[i] as number]),
    ];
    return scaled.reshape(column).expand(wide).reshape(shape);
  }
  const single = scaled.reshape([batch * channels, 1, ...dy.shape.slice(2)]);
  const turn = [convTranspose1d, convTranspose2d, convTranspose3d][rank - 1] as typeof convTranspose2d;
  const wide = turn(single, ones([1, 1, ...window.kernel], dy.dtype), { stride: window.strides });
  // Padded entries are cut off; entries that no window met are zero.
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
  /** Whether padded zeros count in the mean; default true. */
  readonly countIncludePad?: boolean;
}

function avgPool(rank: number, x: Tensor, kernel: PerAxis, options: AvgPoolOptions): Tensor {
  checkRank(`avgPool${rank}d`, x, rank);
  const window = poolWindow(`avgPool${rank}d`, x, kernel, options);
  const means = apply(sumPoolOp, [floating(x)], { window, ceil: options.ceilMode ?? false });
  const corrections = divisorCorrections(
    x.shape.slice(2),
    means.shape.slice(2),
    window,
    options.countIncludePad ?? true,
  );
  return corrections ? means.mul(corrections.astype(means.dtype)) : means;
}

/** K / (entries that count) for every window, [...]; `undefined` where it is 1 everywhere. */
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

/** The bins of adaptive pooling: [⌊i·n/m⌋, ⌈(i+1)·n/m⌉). */
function bins(extent: number, count: number): [number, number][] {
  return Array.from({ length: count }, (_, i) => [
    Math.floor((i * extent) / count),
    Math.ceil(((i + 1) * extent) / count),
  ]);
}

function adaptiveAvgPool(rank: number, x: Tensor, outputSize: PerAxis): Tensor {
  checkRank(`adaptiveAvgPool${rank}d`, x, rank);
  const sizes = perAxis(outputSize, rank, "outputSize");
  const spatial = x.shape.slice(2);
  if (sizes.every((size) => size === 1))
    return floating(x).mean(
      spatial.map((_, i) => i + 2),
      true,
    );
  if (sizes.every((size, i) => (spatial[i] as number) % size === 0))
    return avgPool(
      rank,
      x,
      sizes.map((size, i) => (spatial[i] as number) / size),
      {},
    );
  // Each axis is a product with a matrix of bin means, [m, n].
  return sizes.reduce((out, size, i) => {
    const extent = spatial[i] as number;
    const matrix = new Float32Array(size * extent);
    bins(extent, size).forEach(([start, end], row) => {
      matrix.fill(1 / (end - start), row * extent + start, row * extent + end);
    });
    const last = out.rank - 1;
    return out
      .transpose(i + 2, last)
      .matmul(fromArray(matrix, [size, extent]).astype(out.dtype).transpose())
      .transpose(i + 2, last);
  }, floating(x));
}
function adaptiveMaxPool(rank: number, x: Tensor, outputSize: PerAxis): Tensor {
  checkRank(`adaptiveMaxPool${rank}d`, x, rank);
  const sizes = perAxis(outputSize, rank, "outputSize");
  const spatial = x.shape.slice(2);
  if (sizes.every((size, i) => (spatial[i] as number) % size === 0))
    return maxPool(
      rank,
      x,
      sizes.map((size, i) => (spatial[i] as number) / size),
      {},
    );
  return sizes.reduce((out, size, i) => {
    const rows = bins(spatial[i] as number, size);
    return concat(
      rows.map(([start, end]) => out.narrow(i + 2, start, end - start).max(i + 2, true)),
      i + 2,
    );
  }, floating(x));
}

/** x [N, C, L] → [N, C, outputSize], means over bins of nearly equal size. */
export function adaptiveAvgPool1d(x: Tensor, outputSize: PerAxis): Tensor {
  return adaptiveAvgPool(1, x, outputSize);
}
/** x [N, C, H, W] → [N, C, ...outputSize]. */
export function adaptiveAvgPool2d(x: Tensor, outputSize: PerAxis): Tensor {
  return adaptiveAvgPool(2, x, outputSize);
}
/** x [N, C, D, H, W] → [N, C, ...outputSize]. */
export function adaptiveAvgPool3d(x: Tensor, outputSize: PerAxis): Tensor {
  return adaptiveAvgPool(3, x, outputSize);
}
/** x [N, C, L] → [N, C, outputSize], maxima over bins of nearly equal size. */
export function adaptiveMaxPool1d(x: Tensor, outputSize: PerAxis): Tensor {
  return adaptiveMaxPool(1, x, outputSize);
}
/** x [N, C, H, W] → [N, C, ...outputSize]. */
export function adaptiveMaxPool2d(x: Tensor, outputSize: PerAxis): Tensor {
  return adaptiveMaxPool(2, x, outputSize);
}
/** x [N, C, D, H, W] → [N, C, ...outputSize]. */
export function adaptiveMaxPool3d(x: Tensor, outputSize: PerAxis): Tensor {
  return adaptiveMaxPool(3, x, outputSize);
}
