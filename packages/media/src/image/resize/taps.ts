/** Separable resampling: which inputs each output of one axis reads, and with which weights. */
import { Image, Planes, type Size } from "../image.ts";

/** Output `i` of an axis is the sum over `k < count[i]` of `weights[i * width + k] * input[first[i] + k]`. */
export interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** Number of weights reserved for each output. */
  readonly width: number;
  readonly weights: Float64Array;
}

/** Taps for `length` outputs of at most `width` weights each, initially zero. */
export function emptyTaps(length: number, width: number): Taps {
  return {
    first: new Int32Array(length),
    count: new Int32Array(length),
    width,
    weights: new Float64Array(length * width),
  };
}

/**
 * Sets output `i` to read the inputs `start, start + 1, ...` with `weights`; inputs beyond an edge are replaced
 * by the nearest one inside (replicated border).
 */
export function setClampedTaps(
  taps: Taps,
  i: number,
  start: number,
  weights: readonly number[],
  inputs: number,
): void {
  const clamp = (index: number) => Math.min(Math.max(index, 0), inputs - 1);
  const first = clamp(start);
  taps.first[i] = first;
  taps.count[i] = clamp(start + weights.length - 1) - first + 1;
  for (let k = 0; k < weights.length; k++) {
    const at = i * taps.width + clamp(start + k) - first;
    taps.weights[at] = taps.weights[at]! + weights[k]!;
  }
}

/** The linear kernel at a distance of `x`. */
export function triangle(x: number): number {
  return Math.max(0, 1 - Math.abs(x));
}

/** The cubic convolution kernel of Keys (1981) at a distance of `x` >= 0; `a` is its slope at 1. */
export function keysCubic(x: number, a: number): number {
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * Weights of a filter that is widened when shrinking, cut off at the edges and normalized.
 * PyTorch's `antialias=True` does the same in float32, with `round` set to `Math.fround`.
 */
export function antialiasTaps(
  inputs: number,
  outputs: number,
  support: number,
  filter: (x: number) => number,
  scale: number = inputs / outputs,
  round: (x: number) => number = (x) => x,
): Taps {
  const stretch = Math.max(scale, 1);
  const reach = round(support * stretch);
  const taps = emptyTaps(outputs, Math.ceil(reach) * 2 + 1);
  const shrink = round(1 / stretch);
  for (let i = 0; i < outputs; i++) {
    const center = round(scale * (i + 0.5));
    const first = Math.max(0, Math.trunc(round(center - reach + 0.5)));
    const count = Math.min(inputs, Math.trunc(round(center + reach + 0.5))) - first;
    let total = 0;
    for (let k = 0; k < count; k++) {
      const weight = round(filter(round((k + first - center + 0.5) * shrink)));
      taps.weights[i * taps.width + k] = weight;
      total = round(total + weight);
    }
    for (let k = 0, w = i * taps.width; total !== 0 && k < count; k++, w++)
      taps.weights[w] = round(taps.weights[w]! / total);
    taps.first[i] = first;
    taps.count[i] = count;
  }
  return taps;
}

/** Resamples rows, then columns (or vice versa), with float64 sums and float32 results. An axis without taps is skipped. */
export function resamplePlanes(
  planes: Planes,
  size: Size,
  horizontal: Taps | undefined,
  vertical: Taps | undefined,
  columnsFirst = false,
): Planes {
  const rows = (from: Planes) => (horizontal ? resampleRows(from, size.width, horizontal) : from);
  const columns = (from: Planes) => (vertical ? resampleColumns(from, size.height, vertical) : from);
  return columnsFirst ? rows(columns(planes)) : columns(rows(planes));
}

function resampleRows(planes: Planes, width: number, taps: Taps): Planes {
  const { channels, height, data } = planes;
  const out = new Float32Array(channels * height * width);
  for (let row = 0; row < channels * height; row += TOGETHER) {
    const from = data.subarray(row * planes.width, (row + TOGETHER) * planes.width);
    resampleBlock(from, planes.width, taps, out.subarray(row * width, (row + TOGETHER) * width), width);
  }
  return new Planes(channels, height, width, out);
}

/** Rows that are resampled together, so that each weight is read once for all of them. */
const TOGETHER = 8;

// Two and four taps, those of linear and cubic filters without antialiasing, are unrolled.
function resampleBlock(data: Float32Array, inputs: number, taps: Taps, out: Float32Array, outputs: number) {
  const { first, count, width, weights } = taps;
  for (let x = 0; x < outputs; x++) {
    const w = x * width;
    let from = first[x]!;
    if (count[x] === 2) {
      const [w0, w1] = [weights[w]!, weights[w + 1]!];
      for (let to = x; to < out.length; to += outputs, from += inputs)
        out[to] = data[from]! * w0 + data[from + 1]! * w1;
    } else if (count[x] === 4) {
      const [w0, w1, w2, w3] = [weights[w]!, weights[w + 1]!, weights[w + 2]!, weights[w + 3]!];
      for (let to = x; to < out.length; to += outputs, from += inputs)
        out[to] = data[from]! * w0 + data[from + 1]! * w1 + data[from + 2]! * w2 + data[from + 3]! * w3;
    } else
      for (let to = x; to < out.length; to += outputs, from += inputs) {
        let sum = 0;
        for (let k = 0; k < count[x]!; k++) sum += data[from + k]! * weights[w + k]!;
        out[to] = sum;
      }
  }
}

function resampleColumns(planes: Planes, height: number, taps: Taps): Planes {
  const { channels, width, data } = planes;
  const out = new Float32Array(channels * height * width);
  const sums = new Float64Array(width);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++) {
      const count = taps.count[y]!;
      const weights = taps.weights.subarray(y * taps.width, y * taps.width + count);
      const from = (c * planes.height + taps.first[y]!) * width;
      const rows = data.subarray(from, from + count * width);
      const row = out.subarray((c * height + y) * width, (c * height + y + 1) * width);
      if (count === 2) mixTwo(rows, weights, row);
      else if (count === 4) mixFour(rows, weights, row);
      else mixAll(rows, weights, row, sums);
    }
  return new Planes(channels, height, width, out);
}

function mixTwo(rows: Float32Array, weights: Float64Array, out: Float32Array): void {
  const [w0, w1] = weights as unknown as [number, number];
  const { length } = out;
  for (let x = 0; x < length; x++) out[x] = rows[x]! * w0 + rows[length + x]! * w1;
}

function mixFour(rows: Float32Array, weights: Float64Array, out: Float32Array): void {
  const [w0, w1, w2, w3] = weights as unknown as [number, number, number, number];
  const { length } = out;
  for (let x = 0; x < length; x++)
    out[x] = rows[x]! * w0 + rows[length + x]! * w1 + rows[2 * length + x]! * w2 + rows[3 * length + x]! * w3;
}

function mixAll(rows: Float32Array, weights: Float64Array, out: Float32Array, sums: Float64Array): void {
  sums.fill(0);
  for (let k = 0; k < weights.length; k++) {
    const weight = weights[k]!;
    const from = k * sums.length;
    for (let x = 0; x < sums.length; x++) sums[x] = sums[x]! + rows[from + x]! * weight;
  }
  out.set(sums);
}

/** Nearest neighbour: one input column and row for each output. */
export function pickPlanes(planes: Planes, columns: Int32Array, rows: Int32Array): Planes {
  const { channels, data } = planes;
  const out = new Planes(channels, rows.length, columns.length);
  let to = 0;
  for (let c = 0; c < channels; c++)
    for (const row of rows) {
      const from = (c * planes.height + row) * planes.width;
      for (const column of columns) out.data[to++] = data[from + column]!;
    }
  return out;
}

/** {@link pickPlanes} for bytes. */
export function pickPixels(image: Image, columns: Int32Array, rows: Int32Array): Image {
  const { channels, data } = image;
  const out = new Image(columns.length, rows.length, channels);
  let to = 0;
  for (const row of rows)
    for (const column of columns) {
      const from = (row * image.width + column) * channels;
      for (let c = 0; c < channels; c++) out.data[to++] = data[from + c]!;
    }
  return out;
}
