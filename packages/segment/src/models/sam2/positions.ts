/** The fixed encodings of place and time in SAM 2: sines of maps and of times, rotations of queries and keys. */
import { fromArray, stack, type Tensor } from "@tessera-ml/tensor";

const TEMPERATURE = 10000;

/** Periods of `count` features, each shared by a sine and a cosine. */
function periods(count: number): number[] {
  return Array.from({ length: count }, (_, i) => TEMPERATURE ** ((2 * Math.floor(i / 2)) / count));
}

/**
 * Sines and cosines, in turn, of a cell's row in the first half of the features and of its column in the second (Vaswani
 * et al. 2017, in two dimensions as in DETR): [1, D, rows, columns]. The last row and column are at 2π.
 */
export function sinePositions(dim: number, rows: number, columns: number): Tensor {
  const table = periods(dim / 2);
  const at = (position: number, feature: number) => {
    const phase = position / (table[feature] as number);
    return feature % 2 === 0 ? Math.sin(phase) : Math.cos(phase);
  };
  const scaled = (i: number, length: number) => ((i + 1) / (length + 1e-6)) * 2 * Math.PI;
  const data = Float32Array.from({ length: dim * rows * columns }, (_, i) => {
    const [feature, cell] = [Math.floor(i / (rows * columns)), i % (rows * columns)];
    return feature < dim / 2
      ? at(scaled(Math.floor(cell / columns), rows), feature)
      : at(scaled(cell % columns, columns), feature - dim / 2);
  });
  return fromArray(data, [1, dim, rows, columns]);
}

/** The sines of times, then their cosines: [..., P] → [..., P, D] */
export function sineTimes(times: Tensor, dim: number): Tensor {
  const inverse = Float32Array.from(periods(dim / 2), (period) => 1 / period);
  const phases = times.unsqueeze(-1).mul(fromArray(inverse, [dim / 2])); // [..., P, D/2]
  return stack([phases.sin(), phases.cos()], -2).flatten(-2, -1);
}

export interface Rotations {
  /** [rows · columns, D/2] */
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/**
 * Rotary positions on a grid (Su et al. 2021; in two dimensions, Heo et al. 2024): the first half of the pairs of features
 * turns with the column, the second with the row.
 */
export function gridRotations(dim: number, rows: number, columns: number): Rotations {
  const half = dim / 4;
  const angles = Array.from({ length: rows * columns * 2 * half }, (_, i) => {
    const [cell, pair] = [Math.floor(i / (2 * half)), i % (2 * half)];
    const position = pair < half ? cell % columns : Math.floor(cell / columns);
    return position / TEMPERATURE ** ((4 * (pair % half)) / dim);
  });
  const table = (f: (x: number) => number) =>
    fromArray(Float32Array.from(angles, f), [rows * columns, 2 * half]);
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** Turns neighbouring features as pairs: [..., N, D], where N is a multiple of the cells, which repeat. */
export function rotate(x: Tensor, { cos, sin }: Rotations): Tensor {
  const [cells, pairs] = cos.shape as [number, number];
  const repeats = (x.shape[x.rank - 2] as number) / cells;
  const split = x.reshape([...x.shape.slice(0, -2), repeats, cells, pairs, 2]);
  const [a, b] = [split.select(-1, 0), split.select(-1, 1)]; // [..., repeats, cells, D/2]
  return stack([a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))], -1).reshape(x.shape);
}
