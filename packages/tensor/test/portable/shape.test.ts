import {
  arange,
  concat,
  eye,
  fold,
  linspace,
  meshgrid,
  type PadMode,
  type PerAxis,
  pixelShuffle,
  pixelUnshuffle,
  type Shape,
  stack,
  type Tensor,
  type UnfoldOptions,
  unfold,
} from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args extends UnfoldOptions {
  axis: number;
  axes: number[];
  sizes: number[];
  count: number;
  padding: [number, number][];
  mode?: PadMode;
  value?: number;
  shape: Shape;
  start: number;
  end: number;
  step: number;
  steps: number;
  rows: number;
  columns: number;
  shift: number;
  repeats: number & number[];
  diagonal?: number;
  indexing: "ij" | "xy";
  kernel: PerAxis;
  size: PerAxis;
  factor: number;
}

/** The fixtures pad only the last axes; ours takes a pair for every axis. */
function allAxes(x: Tensor, padding: Args["padding"]): Args["padding"] {
  return [...x.shape.slice(padding.length).map((): [number, number] => [0, 0]), ...padding];
}

await check<Args>("shape", {
  concat: ({ axis }, ...parts) => concat(parts, axis),
  stack: ({ axis }, ...parts) => stack(parts, axis),
  split: ({ sizes, axis }, x) => x.split(sizes, axis),
  chunk: ({ count, axis }, x) => x.chunk(count, axis),
  pad: ({ padding, mode, value }, x) => x.pad(allAxes(x, padding), { mode, value }),
  reshape: ({ shape }, x) => x.reshape(shape),
  flatten: ({ start, end }, x) => x.flatten(start, end),
  squeeze: ({ axes }, x) => x.squeeze(axes),
  unsqueeze: ({ axis }, x) => x.unsqueeze(axis),
  permute: ({ axes }, x) => x.permute(axes),
  transpose: ({ axes }, x) => x.transpose(...(axes as [number, number])),
  flip: ({ axes }, x) => x.flip(axes),
  roll: ({ shift, axis }, x) => x.roll(shift, axis),
  tile: ({ repeats }, x) => x.tile(repeats),
  repeatInterleave: ({ repeats, axis }, x) => x.repeatInterleave(repeats, axis),
  expand: ({ shape }, x) => x.expand(shape),
  tril: ({ diagonal }, x) => x.tril(diagonal),
  triu: ({ diagonal }, x) => x.triu(diagonal),
  diagonal: (_, x) => x.diagonal(),
  meshgrid: ({ indexing }, ...vectors) => meshgrid(vectors, indexing),
  unfold: ({ kernel, ...options }, x) => unfold(x, kernel, options),
  fold: ({ size, kernel, ...options }, x) => fold(x, size, kernel, options),
  pixelShuffle: ({ factor }, x) => pixelShuffle(x, factor),
  pixelUnshuffle: ({ factor }, x) => pixelUnshuffle(x, factor),
  arange: ({ start, end, step }) => arange(start, end, step, "float32"),
  linspace: ({ start, end, steps }) => linspace(start, end, steps),
  eye: ({ rows, columns }) => eye(rows, columns),
});
