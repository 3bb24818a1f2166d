/** Pictures of depth maps, byte for byte those of the authors' scripts. */
import { colormapTable, Image, type Planes } from "@tessera-ml/media";
import { COLORMAP_TABLES } from "./colormap-tables.ts";

/**
 * The colours of a script:
 * - `depth_anything_v2`: `Spectral_r`; for inverse depth, red is near
 * - `depth_anything_v2_metric`: `Spectral`; for depth, red is near
 * - `midas`: `INFERNO`, also of Depth Anything V1; for inverse depth, bright is near
 */
export type DepthColors = "depth_anything_v2" | "depth_anything_v2_metric" | "midas";

/** 256 RGB colours, 768 bytes. */
export function depthColors(colors: DepthColors): Uint8Array {
  if (colors === "depth_anything_v2") return colormapTable("spectralR");
  const table = COLORMAP_TABLES[colors === "midas" ? "inferno" : "spectral"];
  return Uint8Array.from(atob(table), (character) => character.charCodeAt(0));
}

/** The values at the two ends of the levels; default the smallest and the largest. */
export type DepthRange = readonly [low: number, high: number];

/** A map [1, H, W] as bytes: 0 at its smallest value, 255 at its largest, truncated. A constant map is black. */
export function depthLevels(map: Planes, range?: DepthRange): Image {
  const levels = new Uint8Array(map.data.length);
  const units = unitValues(map, range);
  for (let i = 0; i < levels.length; i++) levels[i] = f32(units[i]! * 255);
  return new Image(map.width, map.height, 1, levels);
}

/** A map [1, H, W] in the colours of a script, RGB. */
export function colorizeDepth(map: Planes, colors: DepthColors, range?: DepthRange): Image {
  const table = depthColors(colors);
  const { width, height, data } = depthLevels(map, range);
  const out = new Image(width, height, 3);
  for (let i = 0, to = 0; i < data.length; i++)
    for (let from = 3 * data[i]!, end = from + 3; from < end; ) out.data[to++] = table[from++]!;
  return out;
}

/** A map [1, H, W] with 16 bits, as MiDaS writes it: 0 at its smallest value, 65535 at its largest, truncated. */
export function depth16(map: Planes): Uint16Array {
  const { low, range } = rangeOf(map);
  return Uint16Array.from(map.data, (value) => (range > 0 ? f32(f32(65535 * f32(value - low)) / range) : 0));
}

const f32 = Math.fround;

/** From 0 to 1, in single precision. */
function unitValues(map: Planes, given?: DepthRange): Float32Array {
  if (given) {
    const [low, high] = given;
    return map.data.map((value) => (high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0));
  }
  const { low, range } = rangeOf(map);
  return map.data.map((value) => (range > 0 ? f32(value - low) / range : 0));
}

function rangeOf({ shape, data }: Planes): { low: number; range: number } {
  if (shape[0] !== 1) throw new RangeError(`expected a map [1, H, W], got [${shape}]`);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!Number.isFinite(low) || !Number.isFinite(high))
    throw new RangeError("expected finite depth, got NaN or infinity");
  return { low, range: f32(high - low) };
}
