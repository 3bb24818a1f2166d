/** Binary masks: 0 or 1 for each pixel, row by row. */
import type { Planes, Size } from "@tessera-ml/media";

export interface Mask extends Size {
  /** [H, W] */
  readonly data: Uint8Array;
}

/** Corners of a box, inclusive: a box around one pixel has left = right. */
export type Corners = readonly [left: number, top: number, right: number, bottom: number];

/** Where logits are above a threshold. @param index of the mask, in logits [masks, H, W] */
export function maskOf({ data, width, height }: Planes, index = 0, threshold = 0): Mask {
  const size = width * height;
  const mask = new Uint8Array(size);
  for (let i = 0, at = index * size; i < size; i++, at++) mask[i] = data[at]! > threshold ? 1 : 0;
  return { width, height, data: mask };
}

/** Pixels of the object. */
export function maskArea({ data }: Mask): number {
  let sum = 0;
  for (const value of data) sum += value;
  return sum;
}

/** The box around a mask; [0, 0, 0, 0] for an empty one. */
export function maskBox({ data, width, height }: Mask): Corners {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      if (!data[i]) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  return right < 0 ? [0, 0, 0, 0] : [left, top, right, bottom];
}

/**
 * How little a mask changes with the threshold: the IoU of the masks at `threshold` ± `offset`, in single precision; NaN
 * if both are empty.
 *
 * @param index of the mask, in logits [masks, H, W]
 */
export function stabilityScore(
  { data, width, height }: Planes,
  index: number,
  threshold: number,
  offset: number,
): number {
  const size = width * height;
  const [high, low] = [Math.fround(threshold + offset), Math.fround(threshold - offset)];
  let [inner, outer] = [0, 0];
  for (let i = index * size; i < (index + 1) * size; i++) {
    if (data[i]! > high) inner++;
    if (data[i]! > low) outer++;
  }
  return Math.fround(inner / outer);
}
