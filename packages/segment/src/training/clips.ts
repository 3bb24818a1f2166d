/**
 * Clips made from photographs: things cut out of some move over others, in front of each other and out of the picture
 * and back, while the camera drifts and the light changes. One frame is a photograph with things pasted into it. Every
 * clip depends on its random numbers alone.
 */
import { IMAGENET_MEAN, IMAGENET_STD } from "@tessera-ml/media";
import {
  backgroundMask,
  type Canvas,
  canvas,
  drawBackground,
  drawThing,
  type Map2d,
  mapOf,
  type Pose,
  type Wave,
  wholeArea,
} from "./draw.ts";
import type { Photograph, Thing } from "./photographs.ts";

type Random = () => number;

export interface ClipOptions {
  /** Of the square frames, in pixels. */
  readonly side: number;
  readonly frames: number;
  /** Objects that are asked for. */
  readonly objects: number;
  /** Most things that are pasted; default 3. */
  readonly things?: number;
}

export interface Clip {
  /** Normalized like ImageNet, [frames, 3, side, side]. */
  readonly images: Float32Array<ArrayBuffer>;
  /** 0 or 1, [objects, frames, side, side]. */
  readonly truth: Uint8Array<ArrayBuffer>;
  /** How much of each object is seen, 0 to 1, [objects, frames]. */
  readonly visible: Float32Array<ArrayBuffer>;
}

/** Objects have at least this share of the first frame, and are at least half seen there. */
const LEAST_SHARE = 2e-3;
const LEAST_VISIBLE = 0.4;

/** Draws a clip from a photograph, with things of all of them. */
export function drawClip(
  photographs: readonly Photograph[],
  background: Photograph,
  { side, frames, objects, things: most = 3 }: ClipOptions,
  random: Random,
): Clip {
  const camera = cameraPath(background, side, frames, random);
  const few = frames === 1 ? Math.floor(random() * 2.5) : 1 + Math.floor(random() * most);
  const layers = Array.from({ length: few }, () => layerOf(photographs, side, frames, random));
  const colours = colourChange(random, frames);

  const area = side * side;
  const images = new Float32Array(frames * 3 * area);
  const drawn: Canvas = canvas(side);
  const candidates: { thing: Thing; layer: number }[] = [
    ...background.things.map((thing) => ({ thing, layer: 0 })),
    ...layers.map(({ thing }, i) => ({ thing, layer: i + 1 })),
  ];
  let chosen: typeof candidates = [];
  const truth = new Uint8Array(objects * frames * area);
  const visible = new Float32Array(objects * frames);
  const maskAt = (
    { thing, layer }: (typeof candidates)[number],
    maps: readonly Map2d[],
    into: Uint8Array,
  ) => {
    const map = maps[layer] as Map2d;
    if (layer === 0) backgroundMask(drawn, thing, map, into);
    else for (let i = 0; i < area; i++) if (drawn.owner[i] === layer) into[i] = 1;
    let seen = 0;
    for (let i = 0; i < area; i++) seen += into[i]!;
    return { seen, share: Math.min(1, seen / Math.max(1, wholeArea(thing, map))) };
  };
  for (let t = 0; t < frames; t++) {
    const maps = [mapOf(camera(t)), ...layers.map(({ pose }) => mapOf(pose(t)))];
    drawBackground(drawn, background, maps[0] as Map2d);
    for (const [i, { photo, thing, gain, wave }] of layers.entries())
      drawThing(drawn, photo, thing, maps[i + 1] as Map2d, i + 1, { gain: gain(t), wave: wave(t) });
    if (t === 0) {
      const fit = candidates.filter((candidate) => {
        const { seen, share } = maskAt(candidate, maps, new Uint8Array(area));
        return seen >= LEAST_SHARE * area && share >= LEAST_VISIBLE;
      });
      // Pasted things first where they move: still ones are easy.
      const order = shuffled(fit, random).sort((a, b) =>
        frames > 1 ? Number(b.layer > 0) - Number(a.layer > 0) : 0,
      );
      chosen = Array.from({ length: objects }, (_, i) => order[i % Math.max(1, order.length)]).filter(
        (candidate) => candidate !== undefined,
      );
    }
    for (const [k, candidate] of chosen.entries()) {
      const into = truth.subarray((k * frames + t) * area, (k * frames + t + 1) * area);
      visible[k * frames + t] = maskAt(candidate, maps, into).share;
    }
    colours(drawn, t, images.subarray(t * 3 * area, (t + 1) * 3 * area));
  }
  return { images, truth, visible };
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((entry) => [random(), entry] as const)
    .sort(([a], [b]) => a - b)
    .map(([, entry]) => entry);
}

/** A smooth path through three values. */
function path([a, b, c]: readonly [number, number, number], frames: number): (t: number) => number {
  return (t) => {
    const s = frames === 1 ? 0 : t / (frames - 1);
    // The parabola that is a at 0, b at 1/2 and c at 1.
    return a + s * (4 * b - 3 * a - c) + s * s * (2 * a + 2 * c - 4 * b);
  };
}

/** The photograph or a part of it fills the frame; the camera moves by a few hundredths of it. */
function cameraPath({ width, height }: Photograph, side: number, frames: number, random: Random) {
  const between = (low: number, high: number) => low + (high - low) * random();
  const part = random() < 0.35 ? 1 : between(0.45, 1);
  const stretch = Math.exp(between(-0.15, 0.15));
  const mirrored = random() < 0.5;
  const turn = random() < 0.3 ? between(-0.2, 0.2) : 0;
  const [w, h] = [Math.min(width, width * part * stretch), Math.min(height, (height * part) / stretch)];
  const at = (length: number, seen: number) => seen / 2 + random() * (length - seen);
  const [u, v] = [at(width, w), at(height, h)];
  const moving = frames > 1 && random() < 0.8;
  const drift = (size: number): [number, number, number] => {
    const far = moving ? between(-0.12, 0.12) * size : 0;
    return [0, far * between(0.2, 0.8), far];
  };
  const [du, dv] = [path(drift(w), frames), path(drift(h), frames)];
  const zoom = path([0, 0, moving ? between(-0.12, 0.12) : 0], frames);
  const roll = path([0, 0, moving ? between(-0.06, 0.06) : 0], frames);
  const shake = moving ? between(0, 0.006) * w : 0;
  const shakes = Array.from(
    { length: frames },
    () => [between(-shake, shake), between(-shake, shake)] as const,
  );
  return (t: number): Pose => ({
    x: side / 2,
    y: side / 2,
    anchor: [u + du(t) + shakes[t]![0], v + dv(t) + shakes[t]![1]],
    across: (side / w) * Math.exp(zoom(t)),
    down: (side / h) * Math.exp(zoom(t)),
    turn: turn + roll(t),
    mirrored,
  });
}

interface Layer {
  readonly photo: Photograph;
  readonly thing: Thing;
  readonly pose: (t: number) => Pose;
  readonly gain: (t: number) => number;
  readonly wave: (t: number) => Wave | undefined;
}

/** A thing that is pasted and, in a clip, moves. */
function layerOf(photographs: readonly Photograph[], side: number, frames: number, random: Random): Layer {
  const between = (low: number, high: number) => low + (high - low) * random();
  const { photo, thing } = chooseThing(photographs, random);
  // Its size is a share of the frame, but no thing is enlarged much.
  const size = Math.exp(between(Math.log(0.12), Math.log(0.75))) * side;
  const scale = Math.min(size / Math.max(thing.width, thing.height), 1.6);
  const stretch = Math.exp(between(-0.15, 0.15));
  const mirrored = random() < 0.5;
  const turn = random() < 0.5 ? 0 : between(-0.35, 0.35);
  const place = () => between(0.1, 0.9) * side;
  const start: [number, number] = [place(), place()];
  const kind = random();
  // It crosses the frame, leaves and comes back, or moves little.
  const [middle, end] =
    kind < 0.45
      ? [undefined, [between(-0.1, 1.1) * side, between(-0.1, 1.1) * side]]
      : kind < 0.65
        ? [outside(start, side, size, random), [place(), place()]]
        : [undefined, start.map((at) => at + between(-0.2, 0.2) * side)];
  const along = (axis: 0 | 1) => {
    const [a, c] = [start[axis], end[axis] as number];
    return path([a, middle?.[axis] ?? (a + c) / 2 + between(-0.1, 0.1) * side, c], frames);
  };
  const [x, y] = [along(0), along(1)];
  const grow = path([0, between(-0.1, 0.1), between(-0.35, 0.35)], frames);
  const roll = path([0, 0, between(-0.35, 0.35)], frames);
  const light = path([between(0.85, 1.15), 1, between(0.85, 1.15)], frames);
  const swings = frames > 1 && random() < 0.6;
  const [amplitude, cycles] = [between(0.01, 0.05) * thing.height, between(0.5, 1.5)];
  const [phase, speed] = [between(0, 6.3), between(0.3, 1.2)];
  const anchor = [thing.left + thing.width / 2, thing.top + thing.height / 2] as const;
  return {
    photo,
    thing,
    pose: (t) => ({
      x: x(t),
      y: y(t),
      anchor,
      across: scale * stretch * Math.exp(grow(t)),
      down: (scale / stretch) * Math.exp(grow(t)),
      turn: turn + roll(t),
      mirrored,
    }),
    gain: light,
    wave: (t) =>
      swings
        ? { amplitude, frequency: (2 * Math.PI * cycles) / thing.height, phase: phase + speed * t }
        : undefined,
  };
}

/** Beyond the edge that is nearest. */
function outside(
  [x, y]: readonly [number, number],
  side: number,
  size: number,
  random: Random,
): [number, number] {
  const beyond = size * (0.5 + 0.3 * random());
  const ways: [distance: number, at: [number, number]][] = [
    [x, [-beyond, y]],
    [side - x, [side + beyond, y]],
    [y, [x, -beyond]],
    [side - y, [x, side + beyond]],
  ];
  return ways.sort(([a], [b]) => a - b)[0]![1];
}

/** Mostly things that are not cut off at the edge of their photograph, and large ones, which have details. */
function chooseThing(
  photographs: readonly Photograph[],
  random: Random,
): { readonly photo: Photograph; readonly thing: Thing } {
  let found: { photo: Photograph; thing: Thing } | undefined;
  for (let tries = 0; tries < 12; tries++) {
    const photo = photographs[Math.floor(random() * photographs.length)] as Photograph;
    const thing = photo.things[Math.floor(random() * photo.things.length)] as Thing;
    const better = thing.whole && thing.area >= 0.01 * photo.width * photo.height;
    if (better) return { photo, thing };
    if (!found || thing.area > found.thing.area) found = { photo, thing };
  }
  return found as { photo: Photograph; thing: Thing };
}

/** Brightness, contrast, saturation and tint of a clip, and how its light changes. */
function colourChange(random: Random, frames: number) {
  const between = (low: number, high: number) => low + (high - low) * random();
  const brightness = path([between(0.75, 1.25), between(0.8, 1.2), between(0.75, 1.25)], frames);
  const contrast = between(0.75, 1.25);
  const saturation = random() < 0.08 ? 0 : between(0.6, 1.4);
  const tint = [between(0.9, 1.1), between(0.9, 1.1), between(0.9, 1.1)];
  return ({ pixels, side }: Canvas, t: number, into: Float32Array) => {
    const area = side * side;
    const bright = brightness(t);
    for (let i = 0; i < area; i++) {
      const grey = 0.299 * pixels[i]! + 0.587 * pixels[area + i]! + 0.114 * pixels[2 * area + i]!;
      for (let k = 0, at = i; k < 3; k++, at += area) {
        const colour = grey + (pixels[at]! - grey) * saturation;
        const changed = ((colour - 128) * contrast + 128) * bright * tint[k]!;
        const shown = Math.min(255, Math.max(0, changed)) / 255;
        into[at] = (shown - IMAGENET_MEAN[k]!) / IMAGENET_STD[k]!;
      }
    }
  };
}
