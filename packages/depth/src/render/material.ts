/** Colours of surfaces: procedural textures and photographs. Colours are linear, 0 to 1. */
import type { Image } from "@tessera-ml/media";
import { fractal2, noise2 } from "./noise.ts";

export type Rgb = readonly [number, number, number];

export type Pattern =
  | "plain"
  | "checker"
  | "stripes"
  | "bricks"
  | "tiles"
  | "wood"
  | "marble"
  | "cloth"
  | "speckle";

export const PATTERNS: readonly Pattern[] = [
  "plain",
  "checker",
  "stripes",
  "bricks",
  "tiles",
  "wood",
  "marble",
  "cloth",
  "speckle",
];

export interface Material {
  readonly pattern: Pattern;
  readonly colors: readonly [Rgb, Rgb];
  /** Size of the pattern in metres. */
  readonly scale: number;
  readonly seed: number;
  /** Replaces the pattern; `scale` is then its width in metres. */
  readonly photo?: Image | undefined;
  /** Strength of highlights, 0 to 1. */
  readonly gloss?: number;
  /** Share of the light that is reflected as in a mirror. */
  readonly mirror?: number;
  /** Share of the light that passes. */
  readonly glass?: number;
  /** Light of its own. */
  readonly glow?: number;
}

/** The colour at a point of a surface with normal n, written to `out`. The pattern is projected along the main axis of n. */
export function colorAt(
  material: Material,
  x: number,
  y: number,
  z: number,
  nx: number,
  ny: number,
  nz: number,
  out: Float64Array,
): void {
  const [ax, ay, az] = [Math.abs(nx), Math.abs(ny), Math.abs(nz)];
  const [u, v] = ay >= ax && ay >= az ? [x, z] : ax >= az ? [z, -y] : [x, -y];
  const { photo, scale, colors } = material;
  if (photo) {
    photoAt(photo, u / scale, v / scale, out);
    return;
  }
  const [first, second] = colors;
  const t = mixAt(material, u / scale, v / scale);
  for (let c = 0; c < 3; c++) out[c] = first[c]! + (second[c]! - first[c]!) * t;
}

/** Where between the two colours, 0 to 1. */
function mixAt({ pattern, seed }: Material, u: number, v: number): number {
  const grain = 0.25 * noise2(6 * u, 6 * v, seed);
  switch (pattern) {
    case "plain":
      return 0.4 * fractal2(u / 2, v / 2, 2, seed);
    case "checker":
      return ((Math.floor(u) + Math.floor(v)) & 1) * 0.8 + 0.6 * grain;
    case "stripes":
      return (u - Math.floor(u) < 0.5 ? 0.75 : 0) + grain;
    case "bricks": {
      const row = Math.floor(2 * v);
      const along = u + 0.5 * (row & 1);
      const joint = along - Math.floor(along) < 0.06 || 2 * v - row < 0.12;
      return joint ? 1 : 0.5 * noise2(Math.floor(along) + 0.5, row + 0.5, seed) * 0.6 + grain;
    }
    case "tiles":
      return u - Math.floor(u) < 0.04 || v - Math.floor(v) < 0.04 ? 1 : grain;
    case "wood": {
      const rings = 5 * v + 2 * fractal2(0.6 * u, 3 * v, 2, seed);
      return 0.8 * (rings - Math.floor(rings));
    }
    case "marble":
      return Math.abs(Math.sin(3 * u + 7 * fractal2(u, v, 4, seed))) ** 0.5;
    case "cloth":
      return 0.25 * (Math.sin(20 * u) * Math.sin(20 * v) + 1) + 0.5 * fractal2(u, v, 2, seed);
    case "speckle":
      return fractal2(2 * u, 2 * v, 4, seed);
  }
}

/** A photograph, mirrored at its edges, 1 wide; bilinear. */
function photoAt({ width, height, data }: Image, u: number, v: number, out: Float64Array): void {
  const fold = (t: number) => 1 - Math.abs(t - 2 * Math.floor(t / 2) - 1);
  const x = fold(u) * (width - 1);
  const y = fold((v * width) / height) * (height - 1);
  const [x0, y0] = [Math.min(Math.floor(x), width - 2), Math.min(Math.floor(y), height - 2)];
  const [fx, fy] = [x - x0, y - y0];
  for (let c = 0; c < 3; c++) {
    const at = (y0 * width + x0) * 3 + c;
    const top = data[at]! * (1 - fx) + data[at + 3]! * fx;
    const bottom = data[at + 3 * width]! * (1 - fx) + data[at + 3 * width + 3]! * fx;
    out[c] = ((top * (1 - fy) + bottom * fy) / 255) ** 2.2;
  }
}
