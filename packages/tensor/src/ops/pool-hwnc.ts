/** Max and mean pooling tap by tap: tiled windows in HWNC layout, [H, W, N, C], or any window in NCHW. */
import type { Emitter } from "../graph/emitter.ts";
import type { Spec } from "../graph/graph.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { emitZeroInsertion, overhang, reach, type Window } from "./window.ts";

/** A pooling with windows that neither overlap nor reach outside; `extents` are [Ho, Wo]. */
interface Tiling {
  readonly kernel: readonly number[];
  readonly spatial: Shape;
  readonly extents: Shape;
  /** N·C */
  readonly inner: number;
}

/** The tiling of a window over x [N, C, H, W], or `undefined` if windows overlap, are padded or leave gaps. */
export function tilingOf(window: Window, x: Shape, y: Shape): Tiling | undefined {
  const tiles = window.kernel.every(
    (k, i) =>
      window.strides[i] === k &&
      window.dilations[i] === 1 &&
      window.before[i] === 0 &&
      window.after[i] === 0 &&
      k * (y[i + 2] as number) <= (x[i + 2] as number),
  );
  if (!tiles || x.length !== 4) return undefined;
  return {
    kernel: window.kernel,
    spatial: x.slice(2),
    extents: y.slice(2),
    inner: (x[0] as number) * (x[1] as number),
  };
}

/** Entry (i, j) of every window, [Ho, Wo, N, C] each, row by row. */
function tapsOf(g: Emitter, x: string, { kernel, extents }: Tiling): string[] {
  const [kh, kw] = kernel as [number, number];
  const [height, width] = extents as [number, number];
  return Array.from({ length: kh * kw }, (_, tap) => {
    const [i, j] = [Math.floor(tap / kw), tap % kw];
    return g.once(`tap:${x}:${kernel.join()}:${tap}`, () => {
      const ends = g.ints([i + (height - 1) * kh + 1, j + (width - 1) * kw + 1]);
      return g.op("Slice", [x, g.ints([i, j]), ends, g.ints([0, 1]), g.ints(kernel)]);
    });
  });
}

/** y [Ho, Wo, N, C] */
export function emitTiledMax(g: Emitter, x: string, tiling: Tiling): string {
  return g.op("Max", tapsOf(g, x, tiling));
}

/** y [Ho, Wo, N, C] */
export function emitTiledMean(g: Emitter, x: string, tiling: Tiling): string {
  return g.op("Mul", [g.op("Sum", tapsOf(g, x, tiling)), g.scalar(1 / sizeOf(tiling.kernel))]);
}

/** dx [H, W, N, C]: the cotangent of each window goes to its first maximum, as in PyTorch. */
export function emitTiledMaxGradient(g: Emitter, x: string, y: string, dy: string, tiling: Tiling): string {
  const { kernel, spatial, extents, inner } = tiling;
  const [kh, kw] = kernel as [number, number];
  const [height, width] = extents as [number, number];
  let rest = dy;
  const parts = tapsOf(g, x, tiling).map((tap, index, taps) => {
    if (index === taps.length - 1) return rest;
    const part = g.op("Mul", [rest, g.op("Cast", [g.op("Equal", [tap, y])], { to: 1 })]);
    rest = g.op("Sub", [rest, part]);
    return part;
  });
  const rows = Array.from({ length: kh }, (_, i) => {
    const columns = parts
      .slice(i * kw, (i + 1) * kw)
      .map((part) => g.op("Reshape", [part, g.ints([height, width, 1, inner])]));
    return g.op("Reshape", [g.op("Concat", columns, { axis: 2 }), g.ints([height, 1, width * kw * inner])]);
  });
  let image = g.op("Reshape", [g.op("Concat", rows, { axis: 1 }), g.ints([height * kh, width * kw, inner])]);
  const after = [(spatial[0] as number) - height * kh, (spatial[1] as number) - width * kw];
  if (after.some((entries) => entries > 0))
    image = g.op("Pad", [image, g.ints([0, 0, 0, ...after, 0]), g.scalar(0)]);
  return image;
}

/** The entries of c [H, W, N, C] at the first maximum of each window of x, [Ho, Wo, N, C]. */
export function emitTiledPick(g: Emitter, c: string, x: string, y: string, tiling: Tiling): string {
  const entries = tapsOf(g, c, tiling);
  return tapsOf(g, x, tiling)
    .slice(0, -1)
    .reduceRight(
      (rest, tap, i) => g.op("Where", [g.op("Equal", [tap, y]), entries[i] as string, rest]),
      entries.at(-1) as string,
    );
}

/** The entries of an image [N, C, ...] that an arbitrary window reads, tap by tap. */
function tapWalk(g: Emitter, window: Window, shape: Shape, { shape: outShape, dtype }: Spec) {
  const { kernel, strides, dilations, before } = window;
  const [spatial, extents] = [shape.slice(2), outShape.slice(2)];
  const after = overhang(window, spatial, extents).map((entries) => Math.max(0, entries));
  const axes = g.ints(spatial.map((_, i) => i + 2));
  const pads = [0, 0, ...before, 0, 0, ...after];
  const padded = (x: string, value: number): string =>
    pads.some((entries) => entries > 0) ? g.op("Pad", [x, g.ints(pads), g.scalar(value, dtype)]) : x;
  const offsets = Array.from({ length: sizeOf(kernel) }, (_, tap) => {
    let left = tap;
    const offset = new Array<number>(kernel.length);
    for (let i = kernel.length - 1; i >= 0; i--) {
      offset[i] = (left % (kernel[i] as number)) * (dilations[i] as number);
      left = Math.floor(left / (kernel[i] as number));
    }
    return offset;
  });
  /** Entry `offset` of every window of a padded image. */
  const entries = (image: string, offset: readonly number[]): string => {
    const ends = offset.map((o, i) => o + ((extents[i] as number) - 1) * (strides[i] as number) + 1);
    return g.op("Slice", [image, g.ints(offset), g.ints(ends), axes, g.ints(strides)]);
  };
  return { spatial, extents, axes, padded, offsets, entries };
}

/**
 * dx [N, C, ...] for any window, without the indices of the maxima: the first tap of the padded x that
 * equals y takes the cotangent, and the taps are scattered back and added.
 */
export function emitMaxGradientByTaps(
  g: Emitter,
  [x, y, dy]: readonly [string, string, string],
  [dx]: readonly [string],
  window: Window,
  shape: Shape,
  spec: Spec,
): void {
  const { strides, before } = window;
  const { spatial, extents, axes, padded, offsets, entries } = tapWalk(g, window, shape, spec);
  const image = padded(x, -Infinity);
  const zero = g.scalar(0, spec.dtype);
  // Each part is padded to an image that covers all windows and the entries that none of them read.
  const whole = spatial.map((extent, i) =>
    Math.max(
      reach(window, i) - 1 + (extents[i] as number) * (strides[i] as number),
      (before[i] as number) + extent,
    ),
  );
  let rest = dy;
  let sum: string | undefined;
  for (const offset of offsets) {
    const met = g.op("Equal", [entries(image, offset), y]);
    const part = emitZeroInsertion(g, g.op("Where", [met, rest, zero]), spec, strides);
    rest = g.op("Where", [met, zero, rest]);
    const behind = whole.map(
      (extent, i) => extent - (offset[i] as number) - (extents[i] as number) * (strides[i] as number),
    );
    const placed = g.op("Pad", [part, g.ints([0, 0, ...offset, 0, 0, ...behind]), zero]);
    sum = sum === undefined ? placed : g.op("Add", [sum, placed]);
  }
  const ends = before.map((entries, i) => entries + (spatial[i] as number));
  g.node("Slice", [sum as string, g.ints(before), g.ints(ends), axes], [dx]);
}

/** The entries of c [N, C, ...] at the first maximum of each window of x, found as above. */
export function emitPickByTaps(
  g: Emitter,
  [c, x, y]: readonly [string, string, string],
  [picked]: readonly [string],
  window: Window,
  shape: Shape,
  spec: Spec,
): void {
  const { padded, offsets, entries } = tapWalk(g, window, shape, spec);
  const [image, values] = [padded(x, -Infinity), padded(c, 0)];
  const found = offsets.reduceRight(
    (rest, offset) =>
      g.op("Where", [g.op("Equal", [entries(image, offset), y]), entries(values, offset), rest]),
    g.scalar(0, spec.dtype),
  );
  g.node("Identity", [found], [picked]);
}
