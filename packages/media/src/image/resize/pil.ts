/**
 * Resizing that gives PIL's bytes. Pillow resamples in two passes, one of rows and one of columns, and
 * rounds to bytes between them; weights are fixed-point numbers of 22 bits. When shrinking, every filter is
 * widened by the scale, so nothing aliases. (Pillow 13, src/libImaging/Resample.c; before 13 rows always
 * came first, which for the pictures of `columnsFirst` gave bytes that differ by at most 1.)
 */
import { checkSize, Image, type Planes, type Size } from "../image.ts";
import { antialiasTaps, keysCubic, pickPlanes, resamplePlanes, type Taps, triangle } from "./taps.ts";

export type PilFilter = "nearest" | "box" | "bilinear" | "hamming" | "bicubic" | "lanczos";

/** Bits after the point of a weight. */
const PRECISION = 32 - 8 - 2;

/** How far a filter reaches at scale 1, in input pixels to each side, and its value at a distance. */
interface Filter {
  readonly support: number;
  readonly at: (x: number) => number;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Pillow writes these two as float32. */
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
 * Resizes as PIL's `image.resize((width, height), filter)` does: bytes are equal to the digit, colours
 * under alpha are weighted by it. Planes are resized as mode `F` images are, without rounding.
 */
export function resizePil(input: Image, size: Size, filter: PilFilter): Image;
export function resizePil(input: Planes, size: Size, filter: PilFilter): Planes;
export function resizePil(input: Image | Planes, size: Size, filter: PilFilter): Image | Planes {
  checkSize("resizePil", size);
  if (filter !== "nearest" && !(filter in FILTERS))
    throw new RangeError(`resizePil: expected nearest, ${Object.keys(FILTERS).join(", ")}, got ${filter}`);
  if (input instanceof Image) return resizeBytes(input, size, filter);
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

/** Whether the height loses more than twice the pixels that the width does. */
function columnsFirst(from: Size, to: Size): boolean {
  const lost = from.height - to.height;
  return lost > 0 && lost > 2 * (from.width - to.width);
}

/** Pillow steps through the input by repeated addition, and its rounding decides some ties. */
function nearestIndices(inputs: number, outputs: number): Int32Array {
  const indices = new Int32Array(outputs);
  const step = inputs / outputs;
  for (let i = 0, at = step * 0.5; i < outputs; i++, at += step)
    indices[i] = Math.min(Math.trunc(at), inputs - 1);
  return indices;
}

function resizeBytes(image: Image, size: Size, filter: PilFilter): Image {
  if (image.width === size.width && image.height === size.height) return image;
  if (filter === "nearest") return nearestBytes(image, size);
  const { support, at } = FILTERS[filter];
  const taps = (from: number, to: number) => fixedPoint(antialiasTaps(from, to, support, at));
  const rows = (from: Image) =>
    from.width === size.width ? from : rowsOfBytes(from, size.width, taps(from.width, size.width));
  const columns = (from: Image) =>
    from.height === size.height ? from : columnsOfBytes(from, size.height, taps(from.height, size.height));
  const source = image.channels === 4 ? premultiply(image) : image;
  const out = columnsFirst(image, size) ? rows(columns(source)) : columns(rows(source));
  return image.channels === 4 ? unpremultiply(out) : out;
}

function nearestBytes(image: Image, size: Size): Image {
  const { channels, data } = image;
  const columns = nearestIndices(image.width, size.width);
  const out = new Image(size.width, size.height, channels);
  let to = 0;
  for (const row of nearestIndices(image.height, size.height))
    for (const column of columns) {
      const from = (row * image.width + column) * channels;
      for (let c = 0; c < channels; c++) out.data[to++] = data[from + c]!;
    }
  return out;
}

/** Weights as whole numbers of 2^-22, rounded half away from zero. */
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
        // The common case, unrolled: one read of each weight instead of three.
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
    for (let k = 0; k < taps.count[y]!; k++) {
      const weight = taps.weights[y * taps.width + k]!;
      const from = (taps.first[y]! + k) * length;
      for (let i = 0; i < length; i++) sums[i] = sums[i]! + data[from + i]! * weight;
    }
    for (let i = 0; i < length; i++) out[y * length + i] = clampByte(sums[i]!);
  }
  return new Image(width, height, channels, out);
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
    if (alpha === 0 || alpha === 255) continue;
    for (let c = 0; c < 3; c++) out[i + c] = Math.min(255, Math.trunc((255 * out[i + c]!) / alpha));
  }
  return new Image(image.width, image.height, 4, out);
}
