/**
 * Long videos with Video Depth Anything (Chen et al. 2025, section 3.3): clips that repeat key frames of the clip
 * before, whose maps are aligned and cross-faded.
 */
import { Planes } from "@tessera-ml/media";

const LENGTH = 32;
/** The frames of a clip that begin the next: two from far back, to keep the scale, and the last eight. */
const KEY_FRAMES = [0, 12, 24, 25, 26, 27, 28, 29, 30, 31];
const STEP = LENGTH - KEY_FRAMES.length;
/** Frames whose maps are compared to align a clip with the one before; the other key frames are cross-faded. */
const COMPARED = 2;
const FADED = KEY_FRAMES.length - COMPARED;

/** The frames of each clip of a video of `count` frames; the last frame is repeated at the end. */
export function videoClips(count: number): number[][] {
  const clips: number[][] = [];
  for (let start = 0; start < count; start += STEP) {
    const before = clips.at(-1);
    const own = Array.from({ length: LENGTH }, (_, i) => Math.min(start + i, count - 1));
    clips.push(before ? [...KEY_FRAMES.map((key) => before[key]!), ...own.slice(KEY_FRAMES.length)] : own);
  }
  return clips;
}

/**
 * The clips of a video whose length is not known yet, from its frames in order: those of {@link videoClips}. No more
 * than one clip is kept.
 */
export async function* clipsOf<T>(frames: AsyncIterable<T>): AsyncGenerator<T[], void, undefined> {
  let before: T[] | undefined;
  let fresh: T[] = [];
  let last: T | undefined;
  let [count, start] = [0, 0];
  const next = () => {
    const head = before ? KEY_FRAMES.map((key) => before?.[key] as T) : [];
    const tail = Array.from({ length: LENGTH - head.length }, (_, i) => fresh[i] ?? (last as T));
    [before, fresh, start] = [[...head, ...tail], [], start + STEP];
    return before;
  };
  for await (const frame of frames) {
    fresh.push(frame);
    last = frame;
    count++;
    if (fresh.length === (before ? STEP : LENGTH)) yield next();
  }
  while (start < count) yield next();
}

/**
 * Joins the maps of clips to those of a video. There may be more maps than frames at the end, because the last clip
 * repeats its last frame.
 *
 * @example
 * const joiner = new ClipJoiner();
 * for (const frames of videoClips(count)) save(joiner.push(await mapsOf(frames)));
 * save(joiner.finish());
 */
export class ClipJoiner {
  readonly #metric: boolean;
  /** The maps of the last frames, which the next clip may still change. */
  #pending: Planes[] = [];
  #compared: Planes[] = [];

  /** @param options.metric maps are in metres: clips need no alignment */
  constructor({ metric = false }: { readonly metric?: boolean } = {}) {
    this.#metric = metric;
  }

  /** Takes the maps of the next clip, all of the same size, and returns those that are final. */
  push(maps: readonly Planes[]): Planes[] {
    if (maps.length !== LENGTH)
      throw new RangeError(`ClipJoiner: expected ${LENGTH} maps, got ${maps.length}`);
    const first = this.#compared.length === 0;
    const { scale, shift } =
      first || this.#metric ? IDENTITY : fitAffine(maps.slice(0, COMPARED), this.#compared);
    const aligned = first
      ? [...maps]
      : maps.map((map) => mapped(map, (value) => Math.max(0, value * scale + shift)));
    // The first key frame of every clip is the first of the video.
    const origin = this.#compared[0] ?? (aligned[0] as Planes);
    this.#compared = [origin, ...KEY_FRAMES.slice(1, COMPARED).map((key) => aligned[key] as Planes)];
    const faded = this.#pending.map((before, i) =>
      mix(before, aligned[COMPARED + i] as Planes, i / (FADED - 1)),
    );
    const ready = [...faded, ...aligned.slice(first ? 0 : KEY_FRAMES.length)];
    this.#pending = ready.splice(-FADED);
    return ready;
  }

  /** The maps that were kept for the next clip, when there is none. */
  finish(): Planes[] {
    return this.#pending.splice(0);
  }
}

const IDENTITY = { scale: 1, shift: 0 } as const;

/** The scale and shift of maps that are closest to others, by least squares. */
function fitAffine(maps: readonly Planes[], others: readonly Planes[]): { scale: number; shift: number } {
  let [count, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (const [i, { data }] of maps.entries()) {
    const other = others[i]!.data;
    if (other.length !== data.length)
      throw new RangeError(`ClipJoiner: expected maps of ${other.length} values, got ${data.length}`);
    for (let j = 0; j < data.length; j++) {
      const [a, b] = [data[j]!, other[j]!];
      count++;
      x += a;
      y += b;
      xx += a * a;
      xy += a * b;
    }
  }
  const determinant = xx * count - x * x;
  if (determinant === 0) return IDENTITY;
  return { scale: (count * xy - x * y) / determinant, shift: (xx * y - x * xy) / determinant };
}

function mapped({ channels, height, width, data }: Planes, fn: (value: number, i: number) => number): Planes {
  return new Planes(channels, height, width, data.map(fn));
}

function mix(a: Planes, b: Planes, share: number): Planes {
  return mapped(a, (value, i) => value * (1 - share) + b.data[i]! * share);
}
