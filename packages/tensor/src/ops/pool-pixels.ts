/** Maxima of windows that tile the image, on values that stand pixels first, [H, W, N, C]. */
import type { Emitter } from "../graph/emitter.ts";
import type { Shape } from "../shape.ts";
import type { Window } from "./window.ts";

/** A pooling whose windows neither overlap nor reach outside: extents are [Ho, Wo]. */
interface Tiling {
  readonly kernel: readonly number[];
  readonly spatial: Shape;
  readonly extents: Shape;
  /** N·C */
  readonly inner: number;
}

/** The tiling of a window over x [N, C, H, W], or `undefined` where windows overlap, are padded or have gaps. */
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

/** dx [H, W, N, C]: each window's cotangent goes to its first maximum, as in PyTorch. */
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
