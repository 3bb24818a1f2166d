/** Drawing photographs and cut-outs in any pose, fast enough to make clips while training. */
import type { Photograph, Thing } from "./photographs.ts";

/** From pixels of the picture to those of a photograph: u = a x + b y + c, v = d x + e y + f. */
export type Map2d = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Where and how a photograph lies in the picture. */
export interface Pose {
  /** The point of the picture where the point `anchor` of the photograph lies. */
  readonly x: number;
  readonly y: number;
  readonly anchor: readonly [u: number, v: number];
  /** Pixels of the picture for each of the photograph, across and down. */
  readonly across: number;
  readonly down: number;
  /** Radians. */
  readonly turn: number;
  readonly mirrored: boolean;
}

export function mapOf({ x, y, anchor: [u, v], across, down, turn, mirrored }: Pose): Map2d {
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const [a, b] = [((mirrored ? -1 : 1) * cos) / across, ((mirrored ? -1 : 1) * sin) / across];
  const [d, e] = [-sin / down, cos / down];
  return [a, b, u - a * x - b * y, d, e, v - d * x - e * y];
}

/** A thing that is not stiff: its rows and columns swing by some pixels of the photograph. */
export interface Wave {
  readonly amplitude: number;
  /** Radians for each pixel. */
  readonly frequency: number;
  readonly phase: number;
}

/** A picture of floats from 0 to 255, and which layer is on top of each pixel: 0 is the background. */
export interface Canvas {
  readonly side: number;
  /** [3, side, side] */
  readonly pixels: Float32Array;
  /** [side, side] */
  readonly owner: Uint8Array;
}

export function canvas(side: number): Canvas {
  return { side, pixels: new Float32Array(3 * side * side), owner: new Uint8Array(side * side) };
}

/** Beyond its edges a photograph is continued by its mirror image. */
function reflect(i: number, length: number): number {
  const period = 2 * length;
  const at = ((i % period) + period) % period;
  return at < length ? at : period - 1 - at;
}

/** Fills the picture with a photograph, bilinearly. */
export function drawBackground({ side, pixels, owner }: Canvas, photo: Photograph, map: Map2d): void {
  const area = side * side;
  owner.fill(0);
  for (let y = 0, i = 0; y < side; y++)
    for (let x = 0; x < side; x++, i++) {
      const u = map[0] * (x + 0.5) + map[1] * (y + 0.5) + map[2] - 0.5;
      const v = map[3] * (x + 0.5) + map[4] * (y + 0.5) + map[5] - 0.5;
      sample(photo, u, v, pixels, i, area, 1, 1);
    }
}

/**
 * Adds `share` of the photograph's colour at (u, v), brightened by `gain`, to the rest of what is there. This is where
 * the time goes: no lists are made here.
 */
function sample(
  { width, height, pixels: from }: Photograph,
  u: number,
  v: number,
  to: Float32Array,
  i: number,
  area: number,
  share: number,
  gain: number,
): void {
  const u0 = Math.floor(u);
  const v0 = Math.floor(v);
  const fu = u - u0;
  const fv = v - v0;
  const inside = u0 >= 0 && v0 >= 0 && u0 + 1 < width && v0 + 1 < height;
  const left = inside ? u0 : reflect(u0, width);
  const right = inside ? u0 + 1 : reflect(u0 + 1, width);
  const top = (inside ? v0 : reflect(v0, height)) * width;
  const bottom = (inside ? v0 + 1 : reflect(v0 + 1, height)) * width;
  const a = 3 * (top + left);
  const b = 3 * (top + right);
  const c = 3 * (bottom + left);
  const d = 3 * (bottom + right);
  const wa = (1 - fu) * (1 - fv);
  const wb = fu * (1 - fv);
  const wc = (1 - fu) * fv;
  const wd = fu * fv;
  for (let k = 0, at = i; k < 3; k++, at += area) {
    const colour = from[a + k]! * wa + from[b + k]! * wb + from[c + k]! * wc + from[d + k]! * wd;
    to[at] = to[at]! * (1 - share) + colour * gain * share;
  }
}

/** A cut-out at (u, v) of its photograph: its share there, 0 to 1, with edges one pixel wide. */
function shareOf({ left, top, width, height, mask }: Thing, u: number, v: number): number {
  const [s, t] = [u - left, v - top];
  const [s0, t0] = [Math.floor(s), Math.floor(t)];
  if (s0 < -1 || t0 < -1 || s0 >= width || t0 >= height) return 0;
  const [fs, ft] = [s - s0, t - t0];
  const at = (i: number, j: number) =>
    i < 0 || j < 0 || i >= width || j >= height ? 0 : mask[j * width + i]!;
  return (
    (at(s0, t0) * (1 - fs) + at(s0 + 1, t0) * fs) * (1 - ft) +
    (at(s0, t0 + 1) * (1 - fs) + at(s0 + 1, t0 + 1) * fs) * ft
  );
}

/** The rectangle of the picture that a thing can touch, or undefined. */
function reach(side: number, { left, top, width, height }: Thing, map: Map2d, margin: number) {
  const [a, b, c, d, e, f] = map;
  const det = a * e - b * d;
  const us = [left - margin, left + width + margin];
  const vs = [top - margin, top + height + margin];
  const corners = us.flatMap((u) =>
    vs.map((v) => [(e * (u - c) - b * (v - f)) / det, (a * (v - f) - d * (u - c)) / det] as const),
  );
  const range = (values: readonly number[]) =>
    [Math.max(0, Math.floor(Math.min(...values))), Math.min(side, Math.ceil(Math.max(...values)))] as const;
  return { xs: range(corners.map(([x]) => x)), ys: range(corners.map(([, y]) => y)) };
}

/** Draws a cut-out over what is there. @param id of its layer, from 1 */
export function drawThing(
  { side, pixels, owner }: Canvas,
  photo: Photograph,
  thing: Thing,
  map: Map2d,
  id: number,
  { gain = 1, wave }: { readonly gain?: number; readonly wave?: Wave | undefined } = {},
): void {
  const area = side * side;
  const { xs, ys } = reach(side, thing, map, (wave?.amplitude ?? 0) + 1);
  for (let y = ys[0]; y < ys[1]; y++)
    for (let x = xs[0]; x < xs[1]; x++) {
      let u = map[0] * (x + 0.5) + map[1] * (y + 0.5) + map[2] - 0.5;
      let v = map[3] * (x + 0.5) + map[4] * (y + 0.5) + map[5] - 0.5;
      if (wave) {
        const swing = wave.amplitude * Math.sin(wave.frequency * (v - thing.top) + wave.phase);
        v += wave.amplitude * 0.5 * Math.sin(wave.frequency * (u - thing.left) + 1.3 * wave.phase);
        u += swing;
      }
      const share = shareOf(thing, u, v);
      if (share === 0) continue;
      const i = y * side + x;
      sample(photo, u, v, pixels, i, area, share, gain);
      if (share > 0.5) owner[i] = id;
    }
}

/** Where a thing of the background is seen: 1 where it is and no other layer covers it, [side, side]. */
export function backgroundMask({ side, owner }: Canvas, thing: Thing, map: Map2d, into: Uint8Array): void {
  const { xs, ys } = reach(side, thing, map, 1);
  for (let y = ys[0]; y < ys[1]; y++)
    for (let x = xs[0]; x < xs[1]; x++) {
      const i = y * side + x;
      if (owner[i] !== 0) continue;
      const u = map[0] * (x + 0.5) + map[1] * (y + 0.5) + map[2] - 0.5;
      const v = map[3] * (x + 0.5) + map[4] * (y + 0.5) + map[5] - 0.5;
      if (shareOf(thing, u, v) > 0.5) into[i] = 1;
    }
}

/** How many pixels of the picture a thing has if nothing hides it. */
export function wholeArea({ area }: Thing, [a, b, , d, e]: Map2d): number {
  return area / Math.abs(a * e - b * d);
}
