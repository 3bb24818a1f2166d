/** Pooling to a given output size, over bins of nearly equal size. */
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { floating } from "./apply.ts";
import { fromArray } from "./create.ts";
import { concat } from "./movement.ts";
import { maxPool1d, maxPool2d, maxPool3d } from "./pool.ts";
import { avgPool1d, avgPool2d, avgPool3d } from "./pool-average.ts";
import { checkPoolRank, type PerAxis, perAxis } from "./window.ts";

type Pool = (x: Tensor, kernel: PerAxis) => Tensor;
/** Indexed by the number of spatial axes. */
const AVERAGE: readonly (Pool | undefined)[] = [undefined, avgPool1d, avgPool2d, avgPool3d];
const MAXIMUM: readonly (Pool | undefined)[] = [undefined, maxPool1d, maxPool2d, maxPool3d];

/** The kernel if all bins are of one size, otherwise `undefined`. */
function evenBins(spatial: Shape, sizes: readonly number[]): number[] | undefined {
  const kernel = sizes.map((size, i) => (spatial[i] as number) / size);
  return kernel.every(Number.isInteger) ? kernel : undefined;
}

/** The bins of adaptive pooling: [⌊i·n/m⌋, ⌈(i+1)·n/m⌉). */
function bins(extent: number, count: number): [number, number][] {
  return Array.from({ length: count }, (_, i) => [
    Math.floor((i * extent) / count),
    Math.ceil(((i + 1) * extent) / count),
  ]);
}

function adaptiveAvgPool(rank: number, x: Tensor, outputSize: PerAxis): Tensor {
  checkPoolRank(`adaptiveAvgPool${rank}d`, x, rank);
  const sizes = perAxis(outputSize, rank, "outputSize");
  const spatial = x.shape.slice(2);
  if (sizes.every((size) => size === 1))
    return floating(x).mean(
      spatial.map((_, i) => i + 2),
      true,
    );
  const kernel = evenBins(spatial, sizes);
  if (kernel) return (AVERAGE[rank] as Pool)(x, kernel);
  // Each axis is a product with the averaging matrix of its bins, [m, n].
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
  checkPoolRank(`adaptiveMaxPool${rank}d`, x, rank);
  const sizes = perAxis(outputSize, rank, "outputSize");
  const spatial = x.shape.slice(2);
  const kernel = evenBins(spatial, sizes);
  if (kernel) return (MAXIMUM[rank] as Pool)(x, kernel);
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
