/** Pairs of images and perfect depth from random scenes. */
import { colorize, contactSheet, Image, Planes, type Size } from "@tessera-ml/media";
import { drawLandscape } from "./landscape.ts";
import { Draw } from "./random.ts";
import { drawRoom } from "./room.ts";
import type { Shape } from "./shape.ts";
import { Tracer, type View } from "./trace.ts";

export interface RenderOptions {
  /** Default 128 x 96. */
  readonly size?: Size;
  /** Default: rooms in 60 % of the seeds. */
  readonly kind?: "room" | "landscape";
  /** Photographs to use as textures, RGB. Colours depend on them, geometry does not depend on what they show. */
  readonly photos?: readonly Image[];
}

export interface RenderedPair {
  readonly image: Image;
  /** Metres along the viewing axis, [1, H, W]; infinite in the sky. */
  readonly depth: Planes;
}

/**
 * Renders the pair of a seed; equal seeds give equal pairs. Mirrors and glass have the depth of their own surface.
 */
export function renderPair(seed: number, options: RenderOptions = {}): RenderedPair {
  const { size = { width: 128, height: 96 }, photos = [] } = options;
  const draw = new Draw(seed, photos);
  const room = draw.chance(0.6);
  const kind = options.kind ?? (room ? "room" : "landscape");
  for (let tries = 0; ; tries++) {
    const view = kind === "room" ? drawRoom(draw) : drawLandscape(draw);
    if (tries < 20 && !isClear(view)) continue;
    const pair = renderView(view, size);
    develop(pair.image, pair.light, draw);
    return { image: pair.image, depth: pair.depth };
  }
}

/** Whether nothing is near the camera or in its face. */
function isClear({ scene, eye, yaw, pitch }: View): boolean {
  if (scene.shapes.some((shape) => shape.distance(...eye) < 0.25)) return false;
  const tracer = new Tracer(scene);
  const directions = [0, -0.3, 0.3].map((turn) => [yaw + turn, pitch] as const);
  return directions.every(([turn, up]) => {
    tracer.trace(...eye, Math.sin(turn) * Math.cos(up), Math.sin(up), Math.cos(turn) * Math.cos(up));
    return tracer.t > 0.7;
  });
}

/** Renders a view: linear light [H, W, 3], not yet developed, and depth. */
export function renderView(view: View, size: Size): RenderedPair & { readonly light: Float32Array } {
  const { width, height } = size;
  const { scene, eye, angle } = view;
  const tracer = new Tracer(scene);
  const light = new Float32Array(width * height * 3);
  const depth = new Planes(1, height, width);
  const seen: (Shape | undefined)[] = new Array<Shape | undefined>(width * height);
  const { right, up, forward } = axes(view);
  const focal = height / 2 / Math.tan(angle / 2);
  const out = new Float64Array(3);
  const ray = (column: number, row: number) => {
    const [u, v] = [(column - width / 2) / focal, (height / 2 - row) / focal];
    const length = Math.sqrt(1 + u * u + v * v);
    const along = (i: 0 | 1 | 2) => (forward[i] + u * right[i] + v * up[i]) / length;
    tracer.shade(eye[0], eye[1], eye[2], along(0), along(1), along(2), out);
    return length;
  };
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const length = ray(x + 0.5, y + 0.5);
      light.set(out, 3 * i);
      seen[i] = tracer.hit;
      depth.data[i] = tracer.hit ? tracer.t / length : Number.POSITIVE_INFINITY;
    }
  // Three more rays for pixels on edges.
  const smooth = light.slice();
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const [left, above] = [x > 0 ? i - 1 : i, y > 0 ? i - width : i];
      const [next, below] = [x < width - 1 ? i + 1 : i, y < height - 1 ? i + width : i];
      if (![left, above, next, below].some((j) => seen[j] !== seen[i] || contrast(light, i, j) > 0.25))
        continue;
      for (const [dx, dy] of [
        [0.2, 0.3],
        [0.8, 0.25],
        [0.45, 0.8],
      ] as const) {
        ray(x + dx, y + dy);
        for (let c = 0; c < 3; c++) smooth[3 * i + c]! += out[c]!;
      }
      for (let c = 0; c < 3; c++) smooth[3 * i + c]! /= 4;
    }
  return { image: new Image(width, height, 3), depth, light: smooth };
}

function contrast(light: Float32Array, i: number, j: number): number {
  const [a, b] = [light[3 * i + 1]!, light[3 * j + 1]!];
  return Math.abs(a - b) / (0.1 + a + b);
}

type Vector = readonly [number, number, number];

function axes({ yaw, pitch, roll }: View): { right: Vector; up: Vector; forward: Vector } {
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const [cr, sr] = [Math.cos(roll), Math.sin(roll)];
  const flat: Vector = [cy, 0, -sy];
  const steep: Vector = [-sy * sp, cp, -cy * sp];
  const mix = (a: number, b: number): Vector => [
    a * flat[0] + b * steep[0],
    a * flat[1] + b * steep[1],
    a * flat[2] + b * steep[2],
  ];
  return { right: mix(cr, sr), up: mix(-sr, cr), forward: [sy * cp, sp, cy * cp] };
}

/** From light to bytes, as a camera does: exposure, white balance, vignette, gamma, noise. */
function develop(image: Image, light: Float32Array, draw: Draw): void {
  const { width, height, data } = image;
  const levels = Float32Array.from({ length: width * height }, (_, i) => light[3 * i + 1]!).sort();
  const middle = levels[levels.length >> 1]! + 0.3 * levels[Math.floor(levels.length * 0.95)]!;
  const exposure = draw.between(0.45, 0.9) / Math.max(0.02, middle);
  const balance = [draw.between(0.9, 1.1), 1, draw.between(0.9, 1.1)];
  const vignette = draw.between(0, 0.35);
  const grain = draw.between(0, 5) * draw.between(0, 1);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const [u, v] = [(2 * x) / width - 1, (2 * y) / height - 1];
      const dim = exposure * (1 - 0.5 * vignette * (u * u + v * v));
      for (let c = 0; c < 3; c++) {
        const value = 1 - Math.exp(-1.3 * dim * balance[c]! * light[3 * i + c]!);
        const noise = grain * (draw.between(-1, 1) + draw.between(-1, 1));
        data[3 * i + c] = Math.max(0, Math.min(255, Math.round(255 * value ** (1 / 2.2) + noise)));
      }
    }
}

/** The pairs of seeds side by side, disparity in `spectralR`: red is near, and black is sky. */
export async function renderSheet(seeds: readonly number[], options: RenderOptions = {}): Promise<Image> {
  const pairs = seeds.map((seed) => renderPair(seed, options));
  const images = pairs.flatMap(({ image, depth }) => {
    const disparity = depth.data.map((metres) =>
      metres === Number.POSITIVE_INFINITY ? Number.NaN : 1 / metres,
    );
    return [image, colorize(new Planes(1, depth.height, depth.width, disparity), { colormap: "spectralR" })];
  });
  return await contactSheet(images, { columns: 2 * Math.ceil(Math.sqrt(seeds.length / 2)), margin: 4 });
}
