/** Colour maps and palettes. */
import { type Color, Image, Planes } from "../image.ts";
import { COLORMAP_TABLES } from "./colormap-tables.ts";

/** `spectralR` is matplotlib's `Spectral_r`, the usual choice for depth maps: red is the largest. */
export type Colormap = keyof typeof COLORMAP_TABLES | "grey";

export const COLORMAPS: readonly Colormap[] = ["grey", ...(Object.keys(COLORMAP_TABLES) as Colormap[])];

const tables = new Map<Colormap, Uint8Array>();

/** The 256 RGB colours of a map, 768 bytes, identical to matplotlib's. */
export function colormapTable(name: Colormap): Uint8Array {
  const known = tables.get(name);
  if (known) return known;
  if (!COLORMAPS.includes(name))
    throw new RangeError(`expected one of the colour maps ${COLORMAPS.join(", ")}, got ${name}`);
  const table =
    name === "grey"
      ? Uint8Array.from({ length: 768 }, (_, i) => i / 3)
      : Uint8Array.from(atob(COLORMAP_TABLES[name]), (character) => character.charCodeAt(0));
  tables.set(name, table);
  return table;
}

export interface ColorizeOptions {
  /** Default `viridis`. */
  readonly colormap?: Colormap;
  /** The values at the two ends of the map; default the smallest and largest finite value. */
  readonly range?: readonly [number, number];
  /** The colour of non-finite values; default black. */
  readonly missing?: Color;
}

/** Maps any values [1, H, W] to an RGB image. */
export function colorize(values: Planes, options: ColorizeOptions = {}): Image {
  const { channels, width, height, data } = values;
  if (channels !== 1) throw new RangeError(`colorize: expected [1, H, W], got [${values.shape}]`);
  const table = colormapTable(options.colormap ?? "viridis");
  const [low, high] = options.range ?? finiteRange(data);
  const scale = high > low ? 256 / (high - low) : 0;
  const out = new Image(width, height, 3);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (!Number.isFinite(value)) {
      out.data.set(options.missing ?? [0, 0, 0], i * 3);
      continue;
    }
    const index = Math.min(255, Math.max(0, Math.floor((value - low) * scale))) * 3;
    for (let c = 0; c < 3; c++) out.data[i * 3 + c] = table[index + c]!;
  }
  return out;
}

/** The smallest and largest finite value; [0, 0] if there is none. */
export function finiteRange(values: Float32Array): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values)
    if (Number.isFinite(value)) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  return low <= high ? [low, high] : [0, 0];
}

/** Rescales values to span 0 to 1; all 0 if they are equal. Non-finite values become 0. */
export function toUnitRange(values: Planes): Planes {
  const [low, high] = finiteRange(values.data);
  const scale = high > low ? 1 / (high - low) : 0;
  const data = values.data.map((value) => (Number.isFinite(value) ? (value - low) * scale : 0));
  return new Planes(values.channels, values.height, values.width, data);
}

/**
 * Colour `index` of an unlimited palette of distinct colours: hues a golden angle apart, so that consecutive
 * colours are far from each other, with alternating lightness.
 */
export function paletteColor(index: number): Color {
  const hue = ((205 + index * 137.508) % 360) / 60;
  const [light, dark] = [
    [245, 45],
    [205, 25],
    [255, 115],
  ][index % 3] as [number, number];
  const rising = dark + (light - dark) * (hue % 1);
  const falling = dark + (light - dark) * (1 - (hue % 1));
  const sectors = [
    [light, rising, dark],
    [falling, light, dark],
    [dark, light, rising],
    [dark, falling, light],
    [rising, dark, light],
    [light, dark, falling],
  ] as const;
  const [red, green, blue] = sectors[Math.floor(hue) % 6]!;
  return [Math.round(red), Math.round(green), Math.round(blue)];
}
