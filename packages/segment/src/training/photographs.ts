/** Training photographs in memory, with their things cut out. Node only. */
import { readImage, resizePil, type Size, toRgb } from "@tessera-ml/media";
import type { CocoPhotograph } from "../data/coco.ts";
import { maskArea, maskBox } from "../mask.ts";

/** A thing in a photograph: its mask within the box around it. */
export interface Thing extends Size {
  readonly left: number;
  readonly top: number;
  /** 0 or 1, [height, width] of the box. */
  readonly mask: Uint8Array;
  /** Pixels of the mask. */
  readonly area: number;
  /** Whether it lies within the photograph, not cut off at its edge. */
  readonly whole: boolean;
}

export interface Photograph extends Size {
  /** RGB, [height, width, 3]. */
  readonly pixels: Uint8Array;
  readonly things: readonly Thing[];
}

/** Things smaller than this share of a photograph are not learned. */
const SPECK = 1e-3;

/**
 * Reads photographs, shrunk to a longer side of `most` pixels, and leaves out those without a thing.
 *
 * @param signal aborts between photographs
 */
export async function readPhotographs(
  photographs: readonly CocoPhotograph[],
  most: number,
  signal?: AbortSignal,
): Promise<Photograph[]> {
  const read: Photograph[] = [];
  for (const { path, instances } of photographs) {
    signal?.throwIfAborted();
    const image = toRgb(await readImage(path, { orient: false }));
    const scale = Math.min(1, most / Math.max(image.width, image.height));
    const size = { width: Math.round(image.width * scale), height: Math.round(image.height * scale) };
    const small = scale < 1 ? resizePil(image, size, "bicubic") : image;
    const things = instances.flatMap((instance) => {
      const mask = instance.mask(size);
      const area = maskArea(mask);
      if (area < SPECK * size.width * size.height) return [];
      const [left, top, right, bottom] = maskBox(mask);
      const [width, height] = [right - left + 1, bottom - top + 1];
      const cut = new Uint8Array(width * height);
      for (let y = 0; y < height; y++) {
        const start = (top + y) * size.width + left;
        cut.set(mask.data.subarray(start, start + width), y * width);
      }
      const whole = left > 1 && top > 1 && right < size.width - 2 && bottom < size.height - 2;
      return [{ left, top, width, height, mask: cut, area, whole }];
    });
    if (things.length > 0) read.push({ ...size, pixels: small.data, things });
  }
  return read;
}
