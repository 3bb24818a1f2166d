/** Pooling: the largest entry of every window. */
import { defineOp, type Operator } from "../graph/graph.ts";
import { type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, applyAll, floating } from "./apply.ts";
import { checkedIndex } from "./checked.ts";
import { zeros } from "./create.ts";
import { emitScatterAdd, scatter } from "./gather.ts";
import {
  emitMaxGradientByTaps,
  emitPickByTaps,
  emitTiledMax,
  emitTiledMaxGradient,
  emitTiledPick,
  tilingOf,
} from "./pool-hwnc.ts";
import {
  checkPoolRank,
  outputExtents,
  overhang,
  type Padding,
  type PerAxis,
  type PoolAttributes,
  perAxis,
  poolWindow,
  type Window,
  windowAttributes,
} from "./window.ts";

/** `indexed`: the caller reads the indices; the gradient can do without them. */
type MaxPoolAttributes = PoolAttributes & { indexed: boolean };

/** Outputs the maxima and their int64 indices into the flattened input. */
const maxPoolOp: Operator<MaxPoolAttributes> = defineOp<MaxPoolAttributes>({
  name: "maxPool",
  infer: ([x], { window, ceil }) => {
    const shape = [...x.shape.slice(0, 2), ...outputExtents(window, x.shape.slice(2), ceil)];
    return [
      { dtype: x.dtype, shape },
      { dtype: "int64", shape },
    ];
  },
  emit: (g, [x], [y, indices], { attrs, inputs: [spec], outputs: [out], used }) => {
    const { window, ceil } = attrs;
    if (g.device === "webgpu" && attrs.indexed)
      throw new Error("maxPool: indices of the maxima are not available on WebGPU");
    // ONNX Runtime's ceil mode keeps a last window that starts in the padding; PyTorch drops it. Longer padding
    // gives PyTorch's result. It must be shorter than the kernel, which only dilation can exceed.
    const after = overhang(window, spec.shape.slice(2), out.shape.slice(2)).map((entries, i) =>
      Math.max(entries, window.after[i] as number),
    );
    const fits = after.every((entries, i) => entries < (window.kernel[i] as number));
    // WebGPU's MaxPool has no indices, so the gradient locates the maxima again.
    const indexed = used[1] && g.device !== "webgpu";
    g.node("MaxPool", [x], indexed ? [y, indices] : [y], {
      ...windowAttributes(ceil && fits ? { ...window, after } : window),
      ceil_mode: ceil && !fits ? 1 : 0,
    });
  },
  emitHwnc: (g, [x], [y], { attrs: { window, indexed }, inputs: [spec], outputs: [out] }) => {
    const tiling = g.layout.has(x) && !indexed ? tilingOf(window, spec.shape, out.shape) : undefined;
    if (tiling) g.layout.set(y, emitTiledMax(g, g.layout.hwnc(x), tiling));
    return tiling !== undefined;
  },
  gradient: ({ inputs: [x], outputs: [y, indices], attrs: { window } }, [dy]) => [
    dy && apply(maxPoolGradientOp, [dy, indices, x, y], { shape: x.shape, window }),
  ],
});

function overlaps(window: Window): boolean {
  return window.kernel.some((k, i) => k > (window.strides[i] as number) || window.dilations[i] !== 1);
}

type AtMaxima = { shape: Shape; window: Window };
/**
 * Writes dy at the maxima; an entry that is the maximum of several windows gets their sum. Without indices (in
 * HWNC layout and on WebGPU) the maxima are located again from x and y.
 */
const maxPoolGradientOp: Operator<AtMaxima> = defineOp<AtMaxima>({
  name: "maxPoolGradient",
  infer: ([dy], { shape }) => [{ dtype: dy.dtype, shape }],
  emit: (g, [dy, indices, x, y], [dx], { attrs: { shape, window }, inputs: [spec] }) => {
    if (g.device === "webgpu") return emitMaxGradientByTaps(g, [x, y, dy], [dx], window, shape, spec);
    const zeros = g.op("Expand", [g.scalar(0, spec.dtype), g.ints([sizeOf(shape)])]);
    const flat = (name: string) => g.op("Reshape", [name, g.ints([-1])]);
    const operands = [zeros, flat(indices), flat(dy)] as const;
    const sum = g.name("ScatterElements");
    if (overlaps(window)) emitScatterAdd(g, operands, sum, 0, spec.dtype);
    else g.node("ScatterElements", operands, [sum], { axis: 0 });
    g.node("Reshape", [sum, g.ints(shape)], [dx]);
  },
  emitHwnc: (g, [dy, , x, y], [dx], { attrs: { window, shape }, inputs: [spec] }) => {
    const tiling = g.layout.has(x) ? tilingOf(window, shape, spec.shape) : undefined;
    if (!tiling) return false;
    const { layout } = g;
    const image = emitTiledMaxGradient(g, layout.hwnc(x), layout.hwnc(y), layout.hwnc(dy), tiling);
    const [batch, channels, ...spatial] = shape as [number, number, ...number[]];
    layout.set(dx, g.op("Reshape", [image, g.ints([...spatial, batch, channels])]));
    return true;
  },
  gradient: ({ inputs: [, indices, x, y], attrs }, [c]) => [c && apply(pickOp, [c, indices, x, y], attrs)],
});

/** The entries of c [N, C, ...] at the maxima of x: the adjoint of the gradient. */
const pickOp: Operator<AtMaxima> = defineOp<AtMaxima>({
  name: "pick",
  infer: ([c, indices]) => [{ dtype: c.dtype, shape: indices.shape }],
  emit: (g, [c, indices, x, y], [picked], { attrs: { shape, window }, outputs: [out] }) => {
    if (g.device === "webgpu") return emitPickByTaps(g, [c, x, y], [picked], window, shape, out);
    g.node("Gather", [g.op("Reshape", [c, g.ints([-1])]), indices], [picked], { axis: 0 });
  },
  emitHwnc: (g, [c, , x, y], [picked], { attrs: { shape, window }, outputs: [out] }) => {
    const { layout } = g;
    const tiling = layout.has(x) ? tilingOf(window, shape, out.shape) : undefined;
    if (tiling) layout.set(picked, emitTiledPick(g, layout.hwnc(c), layout.hwnc(x), layout.hwnc(y), tiling));
    return tiling !== undefined;
  },
  gradient: ({ inputs: [, indices, x, y], attrs }, [dy]) => [
    dy && apply(maxPoolGradientOp, [dy, indices, x, y], attrs),
  ],
});

export interface MaxPoolOptions {
  /** Default: the kernel. */
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  readonly dilation?: PerAxis;
  /** Lets the last window end outside the padded input. */
  readonly ceilMode?: boolean;
}

function maxima(
  rank: number,
  x: Tensor,
  kernel: PerAxis,
  { ceilMode: ceil = false, ...options }: MaxPoolOptions,
  indexed: boolean,
): [values: Tensor, indices: Tensor] {
  checkPoolRank(`maxPool${rank}d`, x, rank);
  const window = poolWindow(`maxPool${rank}d`, x, kernel, options);
  return applyAll(maxPoolOp, [floating(x)], { window, ceil, indexed }) as [Tensor, Tensor];
}
function maxPool(rank: number, x: Tensor, kernel: PerAxis, options: MaxPoolOptions): Tensor {
  return maxima(rank, x, kernel, options, false)[0];
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

/** The largest entry of every window and its int32 index into the flattened plane of its channel, [H·W]. */
export interface IndexedMaxima {
  readonly values: Tensor;
  readonly indices: Tensor;
}

function maxPoolWithIndices(
  rank: number,
  x: Tensor,
  kernel: PerAxis,
  options: MaxPoolOptions,
): IndexedMaxima {
  const [values, indices] = maxima(rank, x, kernel, options, true);
  return { values, indices: indices.remainder(sizeOf(x.shape.slice(2))).astype("int32") };
}
/** `maxPool1d` with the indices that `maxUnpool1d` takes. Not on WebGPU. */
export function maxPool1dWithIndices(
  x: Tensor,
  kernel: PerAxis,
  options: MaxPoolOptions = {},
): IndexedMaxima {
  return maxPoolWithIndices(1, x, kernel, options);
}
/** `maxPool2d` with the indices that `maxUnpool2d` takes. Not on WebGPU. */
export function maxPool2dWithIndices(
  x: Tensor,
  kernel: PerAxis,
  options: MaxPoolOptions = {},
): IndexedMaxima {
  return maxPoolWithIndices(2, x, kernel, options);
}
/** `maxPool3d` with the indices that `maxUnpool3d` takes. Not on WebGPU. */
export function maxPool3dWithIndices(
  x: Tensor,
  kernel: PerAxis,
  options: MaxPoolOptions = {},
): IndexedMaxima {
  return maxPoolWithIndices(3, x, kernel, options);
}

export interface MaxUnpoolOptions {
  /** Default: the kernel. */
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
  /** Spatial extents of the result, within one stride of the default, (n − 1)·stride − 2·padding + kernel. */
  readonly outputSize?: PerAxis;
}

function maxUnpool(
  rank: number,
  x: Tensor,
  indices: Tensor,
  kernel: PerAxis,
  options: MaxUnpoolOptions,
): Tensor {
  const name = `maxUnpool${rank}d(${x}, ${indices})`;
  checkPoolRank(name, x, rank);
  if (!sameShape(x.shape, indices.shape)) throw new Error(`${name}: expected one index per entry`);
  const [kernels, strides, padding] = [
    perAxis(kernel, rank, `${name}: kernel`),
    perAxis(options.stride ?? kernel, rank, `${name}: stride`),
    perAxis(options.padding ?? 0, rank, `${name}: padding`, 0),
  ];
  const usual = kernels.map(
    (k, i) => ((x.shape[i + 2] as number) - 1) * (strides[i] as number) - 2 * (padding[i] as number) + k,
  );
  const extents = perAxis(options.outputSize ?? usual, rank, `${name}: outputSize`, 0);
  extents.forEach((extent, i) => {
    const [middle, stride] = [usual[i] as number, strides[i] as number];
    if (Math.abs(extent - middle) >= stride && extent !== middle)
      throw new Error(
        `${name}: outputSize ${extent} on spatial axis ${i}, expected more than ${middle - stride} and less than ${middle + stride}`,
      );
  });
  const lead = x.shape.slice(0, 2);
  const planes = zeros([...lead, sizeOf(extents)], x.dtype);
  const rows = [...lead, -1];
  const places = checkedIndex(indices, sizeOf(extents), { what: `maxUnpool${rank}d: index` }).reshape(rows);
  return scatter(planes, 2, places, x.reshape(rows), { unchecked: true }).reshape([...lead, ...extents]);
}
/** x [N, C, L] → every entry at the position of the maximum of its window, zeros elsewhere. */
export function maxUnpool1d(
  x: Tensor,
  indices: Tensor,
  kernel: PerAxis,
  options: MaxUnpoolOptions = {},
): Tensor {
  return maxUnpool(1, x, indices, kernel, options);
}
/** x [N, C, H, W] → every entry at the position of the maximum of its window, zeros elsewhere. */
export function maxUnpool2d(
  x: Tensor,
  indices: Tensor,
  kernel: PerAxis,
  options: MaxUnpoolOptions = {},
): Tensor {
  return maxUnpool(2, x, indices, kernel, options);
}
/** x [N, C, D, H, W] → every entry at the position of the maximum of its window, zeros elsewhere. */
export function maxUnpool3d(
  x: Tensor,
  indices: Tensor,
  kernel: PerAxis,
  options: MaxUnpoolOptions = {},
): Tensor {
  return maxUnpool(3, x, indices, kernel, options);
}
