/** Which boxes stay: suppression of duplicates, and boxes at the edge of a crop. */
import type { Corners } from "../mask.ts";

/**
 * Non-maximum suppression as in torchvision: indices of the boxes that stay, best first; equal scores in their order. In
 * single precision.
 */
export function suppress(boxes: readonly Corners[], scores: readonly number[], threshold: number): number[] {
  const order = boxes.map((_, i) => i).sort((a, b) => (scores[b] as number) - (scores[a] as number));
  const area = ([left, top, right, bottom]: Corners) => (right - left) * (bottom - top);
  const kept: number[] = [];
  for (const i of order) {
    const box = boxes[i] as Corners;
    const duplicate = kept.some((k) => {
      const other = boxes[k] as Corners;
      const across = Math.max(0, Math.min(box[2], other[2]) - Math.max(box[0], other[0]));
      const down = Math.max(0, Math.min(box[3], other[3]) - Math.max(box[1], other[1]));
      // 0/0 of two empty boxes is no duplicate.
      return Math.fround((across * down) / (area(box) + area(other) - across * down)) > threshold;
    });
    if (!duplicate) kept.push(i);
  }
  return kept;
}

/** Pixels within which a box counts as touching an edge. */
const NEAR = 20;

/** Whether a box, in pixels of the crop, touches an edge of the crop that is not an edge of the picture. */
export function touchesCrop(box: Corners, crop: Corners, picture: Corners): boolean {
  return box.some((value, i) => {
    const placed = value + (crop[i % 2] as number);
    const near = (edges: Corners) => Math.abs(placed - (edges[i] as number)) <= NEAR;
    return near(crop) && !near(picture);
  });
}
