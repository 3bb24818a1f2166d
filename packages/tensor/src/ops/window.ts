/** Sliding windows over spatial axes, shared by convolution and pooling. */
import type { Emitter } from "../graph/emitter.ts";
import type { Spec } from "../graph/graph.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** One number for all spatial axes, or one per axis. */
export type PerAxis = number | readonly number[];
/** Padding: one amount for all sides, per axis, per axis and side, or by rule. */
export type Padding =
  | number
  | readonly (number | readonly [before: number, after: number])[]
  | "same"
  | "valid";

/** A fully specified window, one entry per spatial axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Throws unless x is [N, C, ...] with `rank` spatial axes. */
export function checkPoolRank(name: string, x: Tensor, rank: number): void {
  if (x.rank !== rank + 2) throw new Error(`${name}(${x}): expected ${rank + 2} axes, [N, C, ...]`);
}

/** Expands a number or list to one entry per axis; throws unless all are integers of at least `least`. */
export function perAxis(value: PerAxis, rank: number, name: string, least = 1): number[] {
  const list = typeof value === "number" ? new Array<number>(rank).fill(value) : [...value];
  if (list.length !== rank || list.some((v) => !Number.isInteger(v) || v < least))
    throw new Error(`${name} must be ${rank} integers of at least ${least}, got ${formatShape(list)}`);
  return list;
}

/** Resolves a window's options. `same` pads so that stride 1 keeps the extent, with the odd entry at the end. */
export function windowOf(
  kernel: readonly number[],
  options: { stride?: PerAxis; padding?: Padding; dilation?: PerAxis },
): Window {
  const rank = kernel.length;
  if (kernel.includes(0)) throw new Error(`a kernel of ${formatShape(kernel)} is empty`);
  const strides = perAxis(options.stride ?? 1, rank, "stride");
  const dilations = perAxis(options.dilation ?? 1, rank, "dilation");
  const [before, after] = sidesOf(options.padding ?? 0, kernel, dilations, strides);
  return { kernel: [...kernel], strides, dilations, before, after };
}

function sidesOf(
  padding: Padding,
  kernel: readonly number[],
  dilations: readonly number[],
  strides: readonly number[],
): [number[], number[]] {
  const rank = kernel.length;
  if (padding === "valid") return [kernel.map(() => 0), kernel.map(() => 0)];
  if (padding === "same") {
    if (strides.some((stride) => stride !== 1)) throw new Error('padding "same" needs a stride of 1');
    const total = kernel.map((k, i) => (dilations[i] as number) * (k - 1));
    return [total.map((t) => Math.floor(t / 2)), total.map((t) => Math.ceil(t / 2))];
  }
  const list = typeof padding === "number" ? new Array<number>(rank).fill(padding) : padding;
  if (list.length !== rank) throw new Error(`padding must have ${rank} entries, got ${list.length}`);
  const pick = (side: 0 | 1) =>
    perAxis(
      list.map((entry) => (typeof entry === "number" ? entry : entry[side])),
      rank,
      "padding",
      0,
    );
  return [pick(0), pick(1)];
}

/** Attributes of a pooling operator. */
export type PoolAttributes = { window: Window; ceil: boolean };

/** The window of a pool; the stride is the kernel by default. */
export function poolWindow(
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
    // ONNX Runtime has the same limit. A window entirely in the padding would have no result.
    if (Math.max(window.before[i] as number, window.after[i] as number) >= extent)
      throw new Error(
        `${name}(${x}): a padding of ${window.before[i]} and ${window.after[i]} must be below the kernel, ${extent} (spatial axis ${i})`,
      );
  });
  return window;
}

/** The extent of the dilated kernel. */
export function reach(window: Window, axis: number): number {
  return (window.dilations[axis] as number) * ((window.kernel[axis] as number) - 1) + 1;
}

/** Extents after sliding the window over `spatial`; with `ceil` the last window may start inside and end outside. */
export function outputExtents(window: Window, spatial: Shape, ceil = false): number[] {
  return spatial.map((extent, i) => {
    const [stride, before] = [window.strides[i] as number, window.before[i] as number];
    const room = extent + before + (window.after[i] as number) - reach(window, i);
    if (room < 0)
      throw new Error(
        `a window of ${reach(window, i)} does not fit in ${extent} entries padded by ${before} and ${window.after[i]} (spatial axis ${i})`,
      );
    if (!ceil) return Math.floor(room / stride) + 1;
    const count = Math.ceil(room / stride) + 1;
    // A window that starts in the trailing padding covers no entry.
    return (count - 1) * stride >= extent + before ? count - 1 : count;
  });
}

/** How far the last of `extents` windows reaches past the end of each spatial axis; negative if it stays inside. */
export function overhang(window: Window, spatial: Shape, extents: readonly number[]): number[] {
  return spatial.map((extent, i) => {
    const start = ((extents[i] as number) - 1) * (window.strides[i] as number) - (window.before[i] as number);
    return start + reach(window, i) - extent;
  });
}

/** The ONNX attributes of a window. */
export function windowAttributes(window: Window) {
  return {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.before, ...window.after],
  };
}

/**
 * Emits im2col: for every kernel position, the entries it reads. The spatial axes of `x` start at `first`;
 * the result has a new axis for the kernel positions at `at`.
 */
export function emitPatches(
  g: Emitter,
  x: string,
  shape: Shape,
  window: Window,
  extents: readonly number[],
  first: number,
  at: number,
): string {
  const rank = shape.length;
  const axes = window.kernel.map((_, i) => first + i);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  let padded = x;
  axes.forEach((axis, i) => {
    before[axis] = window.before[i] as number;
    after[axis] = window.after[i] as number;
  });
  if ([...before, ...after].some((p) => p > 0))
    padded = g.op("Pad", [x, g.ints([...before, ...after]), g.scalar(0)], { mode: "constant" });
  const slices: string[] = [];
  const walk = (axis: number, offsets: readonly number[]): void => {
    if (axis === axes.length) {
      const starts = offsets.map((offset, i) => offset * (window.dilations[i] as number));
      const ends = starts.map(
        (start, i) => start + ((extents[i] as number) - 1) * (window.strides[i] as number) + 1,
      );
      const whole = starts.every(
        (start, i) =>
          start === 0 &&
          ends[i] ===
            (shape[axes[i] as number] as number) +
              (window.before[i] as number) +
              (window.after[i] as number) &&
          window.strides[i] === 1,
      );
      slices.push(
        whole
          ? padded
          : g.op("Slice", [padded, g.ints(starts), g.ints(ends), g.ints(axes), g.ints(window.strides)]),
      );
      return;
    }
    for (let k = 0; k < (window.kernel[axis] as number); k++) walk(axis + 1, [...offsets, k]);
  };
  walk(0, []);
  const columns = slices.map((slice) => g.op("Unsqueeze", [slice, g.ints([at])]));
  return columns.length === 1 ? (columns[0] as string) : g.op("Concat", columns, { axis: at });
}

/** Emits x [N, C, ...] with `strides[i] - 1` zeros after every entry of spatial axis i. */
export function emitZeroInsertion(
  g: Emitter,
  x: string,
  { dtype, shape }: Spec,
  strides: readonly number[],
): string {
  const extents = [...shape];
  return strides.reduce((name, stride, i) => {
    if (stride === 1) return name;
    const axis = i + 2;
    const column = [sizeOf(extents.slice(0, axis + 1)), 1, sizeOf(extents.slice(axis + 1))];
    extents[axis] = (extents[axis] as number) * stride;
    const stretched = g.op("Pad", [
      g.op("Reshape", [name, g.ints(column)]),
      g.ints([0, 0, 0, 0, stride - 1, 0]),
      g.scalar(0, dtype),
    ]);
    return g.op("Reshape", [stretched, g.ints(extents)]);
  }, x);
}
