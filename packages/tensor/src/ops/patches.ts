/** Splitting images into patches, and reassembling them. */
import { defineOp, type Operator } from "../graph/graph.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, floating } from "./apply.ts";
import {
  emitPatches,
  outputExtents,
  type Padding,
  type PerAxis,
  perAxis,
  type Window,
  windowOf,
} from "./window.ts";

type UnfoldAttributes = { window: Window };
const unfoldOp: Operator<UnfoldAttributes> = defineOp<UnfoldAttributes>({
  name: "unfold",
  infer: ([x], { window }) => {
    const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]];
    const positions = sizeOf(outputExtents(window, spatial));
    return [{ dtype: x.dtype, shape: [batch, channels * sizeOf(window.kernel), positions] }];
  },
  emit: (g, [x], [y], { attrs: { window }, inputs: [spec], outputs: [out] }) => {
    const extents = outputExtents(window, spec.shape.slice(2));
    const patches = emitPatches(g, x, spec.shape, window, extents, 2, 2); // [N, C, K, ...]
    g.node("Reshape", [patches, g.ints(out.shape)], [y]);
  },
  gradient: ({ inputs: [x], attrs: { window } }, [dy]) => [
    dy && apply(foldOp, [dy], { window, shape: x.shape }),
  ],
});

type FoldAttributes = { window: Window; shape: Shape };
/** The adjoint: adds every entry of the columns at the position it was read from. */
const foldOp: Operator<FoldAttributes> = defineOp<FoldAttributes>({
  name: "fold",
  infer: ([columns], { window, shape }) => {
    const taps = sizeOf(window.kernel);
    const positions = sizeOf(outputExtents(window, shape.slice(2)));
    if (columns.shape[1] !== (shape[1] as number) * taps || columns.shape[2] !== positions)
      throw new Error(
        `expected [N, ${shape[1]}·${taps}, ${positions}] for an image of [${shape.slice(2).join(", ")}]`,
      );
    return [{ dtype: columns.dtype, shape }];
  },
  emit: (g, [columns], [y], { attrs: { window, shape }, inputs: [spec] }) => {
    // A transposed convolution with a kernel that puts column k at position k of the window.
    const [batch, channels, ...spatial] = shape as [number, number, ...number[]];
    const taps = sizeOf(window.kernel);
    const extents = outputExtents(window, spatial);
    const stacked = g.op("Reshape", [columns, g.ints([batch * channels, taps, ...extents])]);
    const identity = Array.from({ length: taps * taps }, (_, i) => (i % (taps + 1) === 0 ? 1 : 0));
    const kernel = g.constant(spec.dtype, identity, [taps, 1, ...window.kernel]);
    const outputPadding = spatial.map((extent, i) => {
      const [k, d, s] = [
        window.kernel[i] as number,
        window.dilations[i] as number,
        window.strides[i] as number,
      ];
      const covered = s * ((extents[i] as number) - 1) + d * (k - 1) + 1;
      return extent + (window.before[i] as number) + (window.after[i] as number) - covered;
    });
    const image = g.op("ConvTranspose", [stacked, kernel], {
      kernel_shape: window.kernel,
      strides: window.strides,
      dilations: window.dilations,
      pads: [...window.before, ...window.after],
      output_padding: outputPadding,
    });
    g.node("Reshape", [image, g.ints(shape)], [y]);
  },
  gradient: ({ attrs: { window } }, [dx]) => [dx && apply(unfoldOp, [dx], { window })],
});

export interface UnfoldOptions {
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  readonly dilation?: PerAxis;
}

/** x [N, C, H, W] → the windows as columns, [N, C·kh·kw, positions] (im2col). */
export function unfold(x: Tensor, kernel: PerAxis, options: UnfoldOptions = {}): Tensor {
  if (x.rank !== 4) throw new Error(`unfold(${x}): expected [N, C, H, W]`);
  return apply(unfoldOp, [floating(x)], { window: windowOf(perAxis(kernel, 2, "kernel"), options) });
}
/** Columns [N, C·kh·kw, positions] summed into [N, C, ...outputSize] (col2im). */
export function fold(
  columns: Tensor,
  outputSize: PerAxis,
  kernel: PerAxis,
  options: UnfoldOptions = {},
): Tensor {
  if (columns.rank !== 3) throw new Error(`fold(${columns}): expected [N, C·kh·kw, positions]`);
  const window = windowOf(perAxis(kernel, 2, "kernel"), options);
  const [batch, rows] = columns.shape as [number, number];
  const channels = Math.floor(rows / sizeOf(window.kernel));
  const shape = [batch, channels, ...perAxis(outputSize, 2, "outputSize")];
  return apply(foldOp, [floating(columns)], { window, shape });
}

/** [..., C·r², H, W] → [..., C, H·r, W·r] (Shi et al. 2016). */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  const [channels, height, width] = x.shape.slice(-3) as [number, number, number];
  const lead = x.shape.slice(0, -3);
  const n = lead.length;
  if (x.rank < 3 || channels % factor ** 2 !== 0)
    throw new Error(`pixelShuffle(${x}): the channels are not divisible by ${factor}²`);
  return x
    .reshape([...lead, channels / factor ** 2, factor, factor, height, width])
    .permute([...lead.map((_, i) => i), n, n + 3, n + 1, n + 4, n + 2])
    .reshape([...lead, channels / factor ** 2, height * factor, width * factor]);
}
/** [..., C, H·r, W·r] → [..., C·r², H, W]. */
export function pixelUnshuffle(x: Tensor, factor: number): Tensor {
  const [channels, height, width] = x.shape.slice(-3) as [number, number, number];
  const lead = x.shape.slice(0, -3);
  const n = lead.length;
  if (x.rank < 3 || height % factor !== 0 || width % factor !== 0)
    throw new Error(`pixelUnshuffle(${x}): height and width are not divisible by ${factor}`);
  return x
    .reshape([...lead, channels, height / factor, factor, width / factor, factor])
    .permute([...lead.map((_, i) => i), n, n + 2, n + 4, n + 1, n + 3])
    .reshape([...lead, channels * factor ** 2, height / factor, width / factor]);
}

/** Coordinate grids of vectors: with `"ij"` output i varies along axis i, with `"xy"` the first two are swapped. */
export function meshgrid(vectors: readonly Tensor[], indexing: "ij" | "xy" = "ij"): Tensor[] {
  const swap = indexing === "xy" && vectors.length >= 2;
  const place = (i: number) => (swap && i < 2 ? 1 - i : i);
  const shape = vectors.map((_, axis) => (vectors[place(axis)] as Tensor).size);
  return vectors.map((vector, i) =>
    vector.reshape(shape.map((_, axis) => (axis === place(i) ? vector.size : 1))).expand(shape),
  );
}
