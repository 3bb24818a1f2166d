/** Colour augmentations, in the byte arithmetic of PIL and torchvision. Each returns a new RGB image. */
import { Image, toByte, toGrey, toRgb } from "../image.ts";
import { permutation, type Random, uniform } from "./random.ts";

const f32 = Math.fround;

/**
 * `from + amount * (to - from)` for every byte, truncated: PIL's `Image.blend`. Amounts outside [0, 1]
 * extrapolate.
 */
function blend(from: (i: number) => number, to: Uint8Array, amount: number): Uint8Array {
  const alpha = f32(amount);
  const out = new Uint8Array(to.length);
  for (let i = 0; i < to.length; i++) {
    const start = from(i);
    const value = f32(start + f32(alpha * (to[i]! - start)));
    out[i] = value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
  }
  return out;
}

function enhance(image: Image, degenerate: (i: number) => number, factor: number): Image {
  if (factor < 0) throw new RangeError(`expected a factor of at least 0, got ${factor}`);
  return new Image(image.width, image.height, 3, blend(degenerate, image.data, factor));
}

/** 0: black, 1: unchanged, above 1: brighter. */
export function adjustBrightness(image: Image, factor: number): Image {
  return enhance(toRgb(image), () => 0, factor);
}

/** 0: uniform mean grey, 1: unchanged. */
export function adjustContrast(image: Image, factor: number): Image {
  const grey = toGrey(image).data;
  let sum = 0;
  for (const value of grey) sum += value;
  const mean = Math.trunc(sum / grey.length + 0.5);
  return enhance(toRgb(image), () => mean, factor);
}

/** 0: greyscale, 1: unchanged. */
export function adjustSaturation(image: Image, factor: number): Image {
  const grey = toGrey(image).data;
  return enhance(toRgb(image), (i) => grey[Math.trunc(i / 3)]!, factor);
}

/** 0: smoothed, 1: unchanged, 2: sharpened. The border pixels do not change. */
export function adjustSharpness(image: Image, factor: number): Image {
  const rgb = toRgb(image);
  const { width, height, data } = rgb;
  const smooth = data.slice();
  const row = width * 3;
  for (let y = 1; y < height - 1; y++)
    for (let i = y * row + 3; i < (y + 1) * row - 3; i++) {
      let sum = 4 * data[i]!;
      for (const line of [i - row, i, i + row]) sum += data[line - 3]! + data[line]! + data[line + 3]!;
      smooth[i] = toByte(sum / 13);
    }
  return enhance(rgb, (i) => smooth[i]!, factor);
}

/** The level of red, green and blue in each sixth of the hue circle, as an index into [highest, lowest, falling, rising]. */
const SECTORS = [
  [0, 3, 1],
  [2, 0, 1],
  [1, 0, 3],
  [1, 2, 0],
  [3, 1, 0],
  [0, 1, 2],
] as const;

/** Rotates the hue: -0.5 and 0.5 give complementary colours, 0 the original ones (to the 8 bits of PIL's HSV). */
export function adjustHue(image: Image, turn: number): Image {
  if (!(turn >= -0.5 && turn <= 0.5))
    throw new RangeError(`adjustHue: expected a turn from -0.5 to 0.5, got ${turn}`);
  const { width, height, data } = toRgb(image);
  const out = new Uint8Array(data.length);
  const shift = Math.trunc(turn * 255);
  const levels = new Uint8Array(4);
  for (let i = 0; i < data.length; i += 3) {
    const [red, green, blue] = [data[i]!, data[i + 1]!, data[i + 2]!];
    const value = Math.max(red, green, blue);
    const range = value - Math.min(red, green, blue);
    if (range === 0) {
      out.fill(value, i, i + 3);
      continue;
    }
    const away = (channel: number) => f32((value - channel) / range);
    const sixth =
      red === value
        ? f32(away(blue) - away(green))
        : green === value
          ? f32(2 + away(red) - away(blue))
          : f32(4 + away(green) - away(red));
    const hue = (Math.trunc(f32((sixth / 6 + 1) % 1) * 255) + shift) & 255;
    const saturation = f32(Math.trunc(f32(range / value) * 255) / 255);
    const sector = Math.floor((hue * 6) / 255);
    const within = f32((hue * 6) / 255 - sector);
    const low = toByte(value * (1 - saturation));
    const falling = toByte(value * (1 - saturation * within));
    const rising = toByte(value * (1 - saturation * (1 - within)));
    levels[0] = value;
    levels[1] = low;
    levels[2] = falling;
    levels[3] = rising;
    const order = SECTORS[sector % 6]!;
    for (let c = 0; c < 3; c++) out[i + c] = levels[order[c]!]!;
  }
  return new Image(width, height, 3, out);
}

/** Strengths; for the first three, `x` means factors from `max(0, 1 - x)` to `1 + x`. */
export interface ColorJitterOptions {
  readonly brightness?: number;
  readonly contrast?: number;
  readonly saturation?: number;
  /** Turns from `-hue` to `hue`, at most 0.5. */
  readonly hue?: number;
}

/** Changes brightness, contrast, saturation and hue by random amounts in random order (torchvision's `ColorJitter`). */
export function colorJitter(
  image: Image,
  { brightness = 0, contrast = 0, saturation = 0, hue = 0 }: ColorJitterOptions,
  random: Random,
): Image {
  const factor = (reach: number) => uniform(random, Math.max(0, 1 - reach), 1 + reach);
  const changes: ((image: Image) => Image)[] = [];
  if (brightness > 0) changes.push((i) => adjustBrightness(i, factor(brightness)));
  if (contrast > 0) changes.push((i) => adjustContrast(i, factor(contrast)));
  if (saturation > 0) changes.push((i) => adjustSaturation(i, factor(saturation)));
  if (hue > 0) changes.push((i) => adjustHue(i, uniform(random, -hue, hue)));
  let out = toRgb(image);
  for (const index of permutation(random, changes.length)) out = changes[index]!(out);
  return out;
}

/** Replaces every byte of channel `c` with `table(c)[byte]`. */
function lookUp(image: Image, table: (channel: number) => ArrayLike<number>): Image {
  const { width, height, channels, data } = image;
  const tables = Array.from({ length: channels }, (_, c) => table(c));
  return new Image(
    width,
    height,
    channels,
    data.map((value, i) => tables[i % channels]![value]!),
  );
}

function bytes(at: (value: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, value) => at(value));
}

/** Keeps the upper `bits` bits of every byte. */
export function posterize(image: Image, bits: number): Image {
  const mask = 256 - 2 ** (8 - bits);
  return lookUp(image, () => bytes((value) => value & mask));
}

/** Inverts the bytes that are at least `threshold`. */
export function solarize(image: Image, threshold: number): Image {
  return lookUp(image, () => bytes((value) => (value < threshold ? value : 255 - value)));
}

function histogram({ channels, data }: Image, channel: number): Int32Array {
  const counts = new Int32Array(256);
  for (let i = channel; i < data.length; i += channels) counts[data[i]!]!++;
  return counts;
}

/** Stretches each channel to the full range from 0 to 255. */
export function autoContrast(image: Image): Image {
  return lookUp(image, (channel) => {
    const counts = histogram(image, channel);
    const low = counts.findIndex((count) => count > 0);
    const high = counts.findLastIndex((count) => count > 0);
    if (high <= low) return bytes((value) => value);
    const scale = 255 / (high - low);
    return bytes((value) => Math.min(255, Math.max(0, Math.trunc(value * scale - low * scale))));
  });
}

/** Equalizes the histogram of each channel. */
export function equalize(image: Image): Image {
  return lookUp(image, (channel) => {
    const counts = histogram(image, channel);
    const used = counts.filter((count) => count > 0);
    const step = Math.floor((image.width * image.height - (used.at(-1) ?? 0)) / 255);
    if (used.length <= 1 || step === 0) return bytes((value) => value);
    let sum = Math.floor(step / 2);
    return Uint8Array.from(counts, (count) => {
      const value = Math.floor(sum / step);
      sum += count;
      return Math.min(255, value);
    });
  });
}
