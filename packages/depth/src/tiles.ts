/**
 * Maps finer than the network's input: the photograph in overlapping tiles, each aligned to the map of the whole. A
 * network sees a tile without what surrounds it, so its map has the detail but not the scale and shift of the whole.
 */
import { crop, type Image, interpolate, Planes, type Rectangle, type Size } from "@tessera-ml/media";
import { fitRobust } from "./align.ts";

/** Tiles overlap by this share of their side. */
const OVERLAP = 0.3;
/** Least correlation of a tile with the whole. */
const AGREEMENT = 0.5;
/** Maps are compared at this many pixels to a side of a tile. */
const CELLS = 24;

export interface TileOptions {
  /** Tiles along the shorter side of the photograph, 1 or more. */
  readonly tiles: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The map of an image, merged of maps of its tiles.
 *
 * @param whole the map of the whole image, [1, H, W], in its size
 * @param estimate the map of a part of the image, in the size of the part; asked for one part at a time
 * @returns [1, H, W]: disparity or metres like `whole`
 * @throws RangeError if `tiles` is no whole number of at least 1
 */
export async function mergeTiles(
  image: Image,
  whole: Planes,
  estimate: (part: Image) => Promise<Planes>,
  { tiles, signal, progress }: TileOptions,
): Promise<Planes> {
  const places = tilesOf(image, tiles);
  if (places.length === 1) return whole;
  const sum = new Float32Array(whole.data.length);
  const weights = new Float32Array(whole.data.length);
  for (const [done, place] of places.entries()) {
    signal?.throwIfAborted();
    progress?.(done, places.length);
    const map = aligned(await estimate(crop(image, place)), crop(whole, place));
    const [across, down] = [
      ramp(place.left, place.width, image.width),
      ramp(place.top, place.height, image.height),
    ];
    for (let y = 0; y < place.height; y++)
      for (let x = 0; x < place.width; x++) {
        const at = (place.top + y) * image.width + place.left + x;
        const weight = across[x]! * down[y]!;
        sum[at] = sum[at]! + weight * map.data[y * place.width + x]!;
        weights[at] = weights[at]! + weight;
      }
  }
  progress?.(places.length, places.length);
  return new Planes(
    1,
    image.height,
    image.width,
    sum.map((value, i) => value / weights[i]!),
  );
}

/** Tiles of one size that cover an image: about square, and evenly spread. */
export function tilesOf({ width, height }: Size, tiles: number): Rectangle[] {
  if (!Number.isInteger(tiles) || tiles < 1)
    throw new RangeError(`tiles: expected a whole number of at least 1, got ${tiles}`);
  // n tiles that overlap by a share v of their side cover n − (n − 1) v sides.
  const shorter = Math.min(width, height);
  const side = Math.min(shorter, Math.ceil(shorter / (tiles - (tiles - 1) * OVERLAP)));
  const starts = (length: number) => {
    const count =
      tiles === 1 ? 1 : Math.max(1, Math.ceil((length - side) / (side * (1 - OVERLAP)) + 1 - 1e-9));
    const room = length - side;
    return Array.from({ length: count }, (_, i) => (count === 1 ? 0 : Math.round((room * i) / (count - 1))));
  };
  if (tiles === 1) return [{ left: 0, top: 0, width, height }];
  return starts(height).flatMap((top) =>
    starts(width).map((left) => ({ left, top, width: side, height: side })),
  );
}

/**
 * A tile's map brought to the scale and shift of the whole. Where the two do not agree, in the sky or on a wall without
 * any context, the tile says nothing and the whole stands in for it.
 */
function aligned(tile: Planes, whole: Planes): Planes {
  // Without the detail that only the tile has: it would count as noise, and flatten the fit.
  const size = { width: Math.min(CELLS, tile.width), height: Math.min(CELLS, tile.height) };
  const blurred = (map: Planes) => interpolate(map, size, { mode: "bilinear", antialias: true }).data;
  const [from, to] = [blurred(tile), blurred(whole)];
  if (!(correlation(from, to) > AGREEMENT)) return whole;
  const { scale, shift } = fitRobust(from, to);
  if (!(scale > 0)) return whole;
  return new Planes(
    1,
    tile.height,
    tile.width,
    tile.data.map((value) => scale * value + shift),
  );
}

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [aa, ab, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    aa += (a[i]! - ma) ** 2;
    ab += (a[i]! - ma) * (b[i]! - mb);
    bb += (b[i]! - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Weights along one side of a tile: they fall to almost 0 over its overlaps, and not at the border of the image. */
function ramp(start: number, length: number, whole: number): Float32Array {
  const fade = Math.max(1, OVERLAP * length);
  return Float32Array.from({ length }, (_, i) => {
    const left = start === 0 ? 1 : Math.min(1, (i + 0.5) / fade);
    const right = start + length >= whole ? 1 : Math.min(1, (length - i - 0.5) / fade);
    const least = Math.min(left, right);
    // Smooth, so that no seam is seen where a tile sets in.
    return Math.max(1e-4, least * least * (3 - 2 * least));
  });
}
