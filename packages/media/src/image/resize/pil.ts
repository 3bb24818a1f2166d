/**
 * Resizing that reproduces PIL's bytes exactly. Pillow resamples rows and columns in separate passes and
 * rounds to bytes between them; weights are 22-bit fixed-point numbers. When shrinking, every filter is
 * widened by the scale to avoid aliasing. (Pillow 13, src/libImaging/Resample.c; before 13, rows always
 * came first, which for the images of `columnsFirst` gave bytes that differ by at most 1.)
 */
import { checkSize, crop, Image, type Planes, type Rectangle, type Size } from "../image.ts";
import {
  antialiasTaps,
  keysCubic,
  pickPixels,
  pickPlanes,
  resamplePlanes,
  type Taps,
  triangle,
} from "./taps.ts";

export type PilFilter = "nearest" | "box" | "bilinear" | "hamming" | "bicubic" | "lanczos";

/** Fractional bits of a weight. */
const PRECISION = 32 - 8 - 2;

/** The radius of a filter at scale 1, in input pixels, and its value at a distance. */
interface Filter {
  readonly support: number;
  readonly at: (x: number) => number;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Pillow stores these two as float32. */
const HAMMING = [Math.fround(0.54), Math.fround(0.46)] as const;

const FILTERS: Readonly<Record<Exclude<PilFilter, "nearest">, Filter>> = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: triangle },
  hamming: {
    support: 1,
    at: (x) => (Math.abs(x) >= 1 ? 0 : sinc(Math.abs(x)) * (HAMMING[0] + HAMMING[1] * Math.cos(x * Math.PI))),
  },
  bicubic: { support: 2, at: (x) => keysCubic(Math.abs(x), -0.5) },
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/**
 * Resizes like PIL's `image.resize((width, height), filter)`: bytes are identical, and colours are weighted by
 * alpha. Planes are resized like mode `F` images, without rounding.
 */
export function resizePil(input: Image, size: Size, filter: PilFilter): Image;
export function resizePil(input: Planes, size: Size, filter: PilFilter): Planes;
export function resizePil(input: Image | Planes, size: Size, filter: PilFilter): Image | Planes {
  checkSize("resizePil", size);
  if (filter !== "nearest" && !(filter in FILTERS))
    throw new RangeError(`resizePil: expected nearest, ${Object.keys(FILTERS).join(", ")}, got ${filter}`);
  if (input instanceof Image) return resizeBytes(input, size, filter, { left: 0, top: 0, ...size });
  if (filter === "nearest") {
    const columns = nearestIndices(input.width, size.width);
    return pickPlanes(input, columns, nearestIndices(input.height, size.height));
  }
  const { support, at } = FILTERS[filter];
  const taps = (from: number, to: number) => (from === to ? undefined : antialiasTaps(from, to, support, at));
  const horizontal = taps(input.width, size.width);
  const vertical = taps(input.height, size.height);
  return resamplePlanes(input, size, horizontal, vertical, columnsFirst(input, size));
}

/** The region `window` of the result of {@link resizePil}, which must be inside it, without computing the rest. */
export function resizePilWindow(image: Image, size: Size, filter: PilFilter, window: Rectangle): Image {
  checkSize("resizePil", size);
  return resizeBytes(image, size, filter, window);
}

/** Whether the height loses more than twice as many pixels as the width. */
function columnsFirst(from: Size, to: Size): boolean {
  const lost = from.height - to.height;
  return lost > 0 && lost > 2 * (from.width - to.width);
}

/** Pillow steps through the input by repeated addition, whose rounding decides some ties. */
function nearestIndices(inputs: number, outputs: number): Int32Array {
  const indices = new Int32Array(outputs);
  const step = inputs / outputs;
  for (let i = 0, at = step * 0.5; i < outputs; i++, at += step)
    indices[i] = Math.min(Math.trunc(at), inputs - 1);
  return indices;
}

function resizeBytes(image: Image, size: Size, filter: PilFilter, window: Rectangle): Image {
  if (image.width === size.width && image.height === size.height) return crop(image, window);
  if (filter === "nearest") {
    const columns = nearestIndices(image.width, size.width);
    return crop(pickPixels(image, columns, nearestIndices(image.height, size.height)), window);
  }
  const across = planAxis(image.width, size.width, window.left, window.width, filter);
  const down = planAxis(image.height, size.height, window.top, window.height, filter);
  const rows = (from: Image) => (across.taps ? rowsOfBytes(from, window.width, across.taps) : from);
  const columns = (from: Image) => (down.taps ? columnsOfBytes(from, window.height, down.taps) : from);
  const read = crop(image, {
    left: across.start,
    width: across.length,
    top: down.start,
    height: down.length,
  });
  const source = image.channels === 4 ? premultiply(read) : read;
  const out = columnsFirst(image, size) ? rows(columns(source)) : columns(rows(source));
  return image.channels === 4 ? unpremultiply(out) : out;
}

/** The inputs that a range of outputs of one axis reads, and its taps relative to `start`; no taps if the sizes agree. */
interface Axis {
  readonly start: number;
  readonly length: number;
  readonly taps?: FixedTaps;
}

function planAxis(
  inputs: number,
  outputs: number,
  from: number,
  count: number,
  filter: Exclude<PilFilter, "nearest">,
): Axis {
  if (inputs === outputs) return { start: from, length: count };
  const { support, at } = FILTERS[filter];
  const all = fixedPoint(antialiasTaps(inputs, outputs, support, at));
  const last = from + count - 1;
  const start = all.first[from]!;
  return {
    start,
    length: all.first[last]! + all.count[last]! - start,
    taps: {
      width: all.width,
      first: all.first.subarray(from, last + 1).map((index) => index - start),
      count: all.count.subarray(from, last + 1),
      weights: all.weights.subarray(from * all.width, (last + 1) * all.width),
    },
  };
}

/** Weights as integer multiples of 2^-22, rounded half away from zero. */
type FixedTaps = Omit<Taps, "weights"> & { readonly weights: Int32Array };

function fixedPoint(taps: Taps): FixedTaps {
  const weights = Int32Array.from(taps.weights, (w) => Math.trunc((w < 0 ? -0.5 : 0.5) + w * 2 ** PRECISION));
  return { ...taps, weights };
}

const HALF = 1 << (PRECISION - 1);

function clampByte(sum: number): number {
  const value = sum >> PRECISION;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function rowsOfBytes(image: Image, width: number, taps: FixedTaps): Image {
  const { height, channels, data } = image;
  const { weights } = taps;
  const out = new Uint8Array(width * height * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = y * image.width * channels;
    for (let x = 0; x < width; x++) {
      const start = row + taps.first[x]! * channels;
      const end = start + taps.count[x]! * channels;
      const first = x * taps.width;
      if (channels === 3) {
        // The common case, unrolled: reads each weight once instead of three times.
        let red = HALF;
        let green = HALF;
        let blue = HALF;
        for (let from = start, k = first; from < end; from += 3, k++) {
          const weight = weights[k]!;
          red += data[from]! * weight;
          green += data[from + 1]! * weight;
          blue += data[from + 2]! * weight;
        }
        out[to++] = clampByte(red);
        out[to++] = clampByte(green);
        out[to++] = clampByte(blue);
      } else
        for (let c = 0; c < channels; c++) {
          let sum = HALF;
          for (let from = start + c, k = first; from < end; from += channels, k++)
            sum += data[from]! * weights[k]!;
          out[to++] = clampByte(sum);
        }
    }
  }
  return new Image(width, height, channels, out);
}

function columnsOfBytes(image: Image, height: number, taps: FixedTaps): Image {
  const { width, channels, data } = image;
  const length = width * channels;
  const out = new Uint8Array(length * height);
  const sums = new Int32Array(length);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let k = 0; k < taps.count[y]!; k++)
      addRow(sums, data, (taps.first[y]! + k) * length, taps.weights[y * taps.width + k]!);
    storeRow(out, y * length, sums);
  }
  return new Image(width, height, channels, out);
}

// Separate functions that are called many times get optimized sooner than loops inside a function that is called
// once: the first photo takes 16 ms instead of 20 ms.
function addRow(sums: Int32Array, data: Uint8Array, from: number, weight: number): void {
  for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + data[from + i]! * weight;
}

function storeRow(out: Uint8Array, at: number, sums: Int32Array): void {
  for (let i = 0; i < sums.length; i++) out[at + i] = clampByte(sums[i]!);
}

function premultiply(image: Image): Image {
  const out = image.data.slice();
  for (let i = 0; i < out.length; i += 4)
    for (let c = 0; c < 3; c++) {
      const product = out[i + c]! * out[i + 3]! + 128;
      out[i + c] = ((product >> 8) + product) >> 8;
    }
  return new Image(image.width, image.height, 4, out);
}

function unpremultiply(image: Image): Image {
  const out = image.data.slice();
  for (let i = 0; i < out.length; i += 4) {
    const alpha = out[i + 3]!;
    if (alpha === 0) continue;
    for (let c = 0; c < 3; c++) out[i + c] = Math.min(255, Math.trunc((255 * out[i + c]!) / alpha));
  }
  return new Image(image.width, image.height, 4, out);
}
