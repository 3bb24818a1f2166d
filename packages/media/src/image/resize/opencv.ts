/**
 * Resizing that reproduces OpenCV's `cv2.resize`: no antialiasing except in `area`, half-pixel centres,
 * replicated borders, 11-bit fixed-point weights for bytes (OpenCV, modules/imgproc/src/resize.cpp).
 */
import { checkSize, Image, Planes, type Size } from "../image.ts";
import { emptyTaps, pickPixels, pickPlanes, resamplePlanes, setClampedTaps, type Taps } from "./taps.ts";

/** `INTER_NEAREST`, `INTER_LINEAR`, `INTER_CUBIC` (a = -0.75), `INTER_AREA`. */
export type OpenCvInterpolation = "nearest" | "linear" | "cubic" | "area";

const f32 = Math.fround;
const SCALE = 1 << 11;

/** What an output reads: the first input (may be out of range) and the weights from there on. */
interface Reading {
  readonly start: number;
  readonly weights: readonly number[];
}

/**
 * Resizes like `cv2.resize(image, (width, height), interpolation=...)`. Planes are resized like float32 or
 * float64 arrays; cubic may overshoot and is not clamped.
 */
export function resizeOpenCv(input: Image, size: Size, interpolation: OpenCvInterpolation): Image;
export function resizeOpenCv(input: Planes, size: Size, interpolation: OpenCvInterpolation): Planes;
export function resizeOpenCv(
  input: Image | Planes,
  size: Size,
  interpolation: OpenCvInterpolation,
): Image | Planes {
  checkSize("resizeOpenCv", size);
  if (input.width === size.width && input.height === size.height) return input;
  const method = effectiveMethod(input, size, interpolation);
  if (method === "nearest") {
    const columns = nearestIndices(input.width, size.width);
    const rows = nearestIndices(input.height, size.height);
    return input instanceof Image ? pickPixels(input, columns, rows) : pickPlanes(input, columns, rows);
  }
  if (method === "area") {
    const horizontal = areaTaps(input.width, size.width);
    const vertical = areaTaps(input.height, size.height);
    if (input instanceof Planes) return resamplePlanes(input, size, horizontal, vertical);
    return areaBytes(input, size, horizontal, vertical);
  }
  const columns = readings(input.width, size.width, method);
  const rows = readings(input.height, size.height, method);
  if (input instanceof Image) return weighBytes(input, size, columns, rows);
  const taps = (list: readonly Reading[], inputs: number) => {
    const out = emptyTaps(list.length, 4);
    for (const [i, { start, weights }] of list.entries()) setClampedTaps(out, i, start, weights, inputs);
    return out;
  };
  return resamplePlanes(input, size, taps(columns, input.width), taps(rows, input.height));
}

/** `area` applies only when shrinking: OpenCV enlarges with a variant of linear interpolation instead. */
function effectiveMethod(
  from: Size,
  to: Size,
  interpolation: OpenCvInterpolation,
): OpenCvInterpolation | "area-linear" {
  if (!["nearest", "linear", "cubic", "area"].includes(interpolation))
    throw new RangeError(`resizeOpenCv: expected nearest, linear, cubic or area, got ${interpolation}`);
  const shrinks = from.width >= to.width && from.height >= to.height;
  return interpolation === "area" && !shrinks ? "area-linear" : interpolation;
}

function nearestIndices(inputs: number, outputs: number): Int32Array {
  const step = 1 / (outputs / inputs);
  const at = (_: unknown, i: number) => Math.min(Math.floor(i * step), inputs - 1);
  return Int32Array.from({ length: outputs }, at);
}

/** The readings of one axis: coordinates in float64, fractions and weights in float32. */
function readings(inputs: number, outputs: number, method: "linear" | "cubic" | "area-linear"): Reading[] {
  const factor = outputs / inputs;
  const step = 1 / factor;
  return Array.from({ length: outputs }, (_, i) => {
    if (method === "area-linear") {
      const start = Math.floor(i * step);
      const overlap = f32(i + 1 - (start + 1) * factor);
      return { start, weights: linearWeights(overlap <= 0 ? 0 : f32(overlap - Math.floor(overlap))) };
    }
    const at = f32((i + 0.5) * step - 0.5);
    const start = Math.floor(at);
    const fraction = f32(at - start);
    if (method === "cubic") return { start: start - 1, weights: cubicWeights(fraction) };
    return { start, weights: linearWeights(fraction) };
  });
}

function linearWeights(x: number): number[] {
  return [f32(1 - x), x];
}

/** Cubic convolution with a = -0.75, with OpenCV's order of float32 operations. */
function cubicWeights(x: number): number[] {
  const a = -0.75;
  const next = f32(x + 1);
  const rest = f32(1 - x);
  const near = (t: number) => f32(f32(f32(f32(f32(f32((a + 2) * t) - (a + 3)) * t) * t)) + 1);
  const far = f32(f32(f32(f32(f32(f32(a * next) - 5 * a) * next) + 8 * a) * next) - 4 * a);
  const w1 = near(x);
  const w2 = near(rest);
  return [far, w1, w2, f32(f32(f32(1 - far) - w1) - w2)];
}

function roundHalfEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function clampByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** Linear and cubic on bytes: integer weights, rows with 11 extra bits, then columns. */
function weighBytes(image: Image, size: Size, columns: readonly Reading[], rows: readonly Reading[]): Image {
  const { height, channels } = image;
  const fixed = (list: readonly Reading[]) =>
    list.map(({ start, weights }) => ({
      start,
      weights: weights.map((w) => roundHalfEven(f32(w * SCALE))),
    }));
  const across = fixed(columns);
  const taps = (rows[0] as Reading).weights.length;
  const length = size.width * channels;
  const out = new Image(size.width, size.height, channels);
  // A cache of the weighted rows one output reads: row r stays in slot r % taps until it is replaced.
  const slots = Array.from({ length: taps }, () => ({ row: -1, values: new Int32Array(length) }));
  const weighed = (row: number): Int32Array => {
    const slot = slots[row % taps] as { row: number; values: Int32Array };
    if (slot.row !== row) {
      weighRow(image, row, across, slot.values);
      slot.row = row;
    }
    return slot.values;
  };
  const mix = taps === 2 ? mixLinear : mixCubic;
  for (const [y, { start, weights }] of fixed(rows).entries()) {
    const sources = weights.map((_, k) => weighed(Math.min(Math.max(start + k, 0), height - 1)));
    mix(sources, weights, out.data.subarray(y * length, (y + 1) * length));
  }
  return out;
}

function weighRow(image: Image, row: number, across: readonly Reading[], out: Int32Array): void {
  const { width, channels, data } = image;
  let to = 0;
  for (const { start, weights } of across)
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) {
        const column = Math.min(Math.max(start + k, 0), width - 1);
        const from = (row * width + column) * channels + c;
        sum += data[from]! * weights[k]!;
      }
      out[to++] = sum;
    }
}

/** With the truncation of OpenCV's 16-bit multiplication. */
function mixLinear(sources: readonly Int32Array[], weights: readonly number[], out: Uint8Array): void {
  const [above, below] = sources as [Int32Array, Int32Array];
  const [w0, w1] = weights as [number, number];
  for (let i = 0; i < out.length; i++) {
    const upper = (w0 * (above[i]! >> 4)) >> 16;
    const lower = (w1 * (below[i]! >> 4)) >> 16;
    out[i] = (upper + lower + 2) >> 2;
  }
}

/** OpenCV's vector code mixes in float32, eight values at a time, and the rest of a row in integers. */
function mixCubic(sources: readonly Int32Array[], weights: readonly number[], out: Uint8Array): void {
  const [s0, s1, s2, s3] = sources as [Int32Array, Int32Array, Int32Array, Int32Array];
  const [w0, w1, w2, w3] = weights as [number, number, number, number];
  const unit = 1 / (SCALE * SCALE);
  const vectors = out.length - (out.length % 8);
  for (let i = 0; i < vectors; i++) {
    let sum = f32(s3[i]! * w3 * unit);
    sum = f32(f32(s2[i]! * w2 * unit) + sum);
    sum = f32(f32(s1[i]! * w1 * unit) + sum);
    sum = f32(f32(s0[i]! * w0 * unit) + sum);
    out[i] = clampByte(roundHalfEven(sum));
  }
  for (let i = vectors; i < out.length; i++) {
    const sum = s0[i]! * w0 + s1[i]! * w1 + s2[i]! * w2 + s3[i]! * w3;
    out[i] = clampByte((sum + SCALE * (SCALE / 2)) >> 22);
  }
}

/** The overlap of each input pixel with an output pixel; overlaps below 0.001 are ignored. */
function areaTaps(inputs: number, outputs: number): Taps {
  const step = 1 / (outputs / inputs);
  const taps = emptyTaps(outputs, Math.ceil(step) + 2);
  for (let i = 0; i < outputs; i++) {
    const from = i * step;
    const to = from + step;
    const cell = Math.min(step, inputs - from);
    const last = Math.min(Math.floor(to), inputs - 1);
    const first = Math.min(Math.ceil(from), last);
    const weights: number[] = [];
    const head = first - from > 1e-3;
    if (head) weights.push(f32((first - from) / cell));
    for (let k = first; k < last; k++) weights.push(f32(1 / cell));
    if (to - last > 1e-3) weights.push(f32(Math.min(to - last, 1, cell) / cell));
    taps.first[i] = head ? first - 1 : first;
    taps.count[i] = weights.length;
    taps.weights.set(weights, i * taps.width);
  }
  return taps;
}

/** Area on bytes: sums in float32, or in integers if both scales are integers. */
function areaBytes(image: Image, size: Size, horizontal: Taps, vertical: Taps): Image {
  const { width, channels, data } = image;
  const across = width / size.width;
  const down = image.height / size.height;
  const whole = Number.isInteger(across) && Number.isInteger(down);
  const share = f32(1 / (across * down));
  const length = size.width * channels;
  const out = new Image(size.width, size.height, channels);
  const sums = new Float32Array(length);
  for (let y = 0; y < size.height; y++) {
    sums.fill(0);
    for (let k = 0; k < vertical.count[y]!; k++) {
      const row = (vertical.first[y]! + k) * width;
      const down = whole ? 1 : vertical.weights[y * vertical.width + k]!;
      for (let x = 0, to = 0; x < size.width; x++)
        for (let c = 0; c < channels; c++, to++) {
          let from = (row + horizontal.first[x]!) * channels + c;
          let sum = 0;
          let w = x * horizontal.width;
          const end = w + horizontal.count[x]!;
          for (; w < end; w++, from += channels) {
            const weight = whole ? 1 : horizontal.weights[w]!;
            sum = f32(sum + f32(data[from]! * weight));
          }
          sums[to] = sums[to]! + f32(down * sum);
        }
    }
    for (let i = 0; i < length; i++) {
      const sum = sums[i]!;
      // The mean of 2 x 2 is rounded half up, all others half to even.
      out.data[y * length + i] =
        across === 2 && down === 2 && whole
          ? (sum + 2) >> 2
          : clampByte(roundHalfEven(whole ? f32(sum * share) : sum));
    }
  }
  return out;
}
