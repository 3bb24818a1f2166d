/** Exact Euclidean distances in binary masks (Felzenszwalb & Huttenlocher 2012), in time linear in the pixels. */
import type { Mask } from "../mask.ts";

/**
 * The squared distance of each pixel of the mask to the nearest pixel outside of it; 0 outside, infinite if there is
 * none outside.
 *
 * @param padded whether everything beyond the borders is outside, default true
 */
export function squaredDistances({ width, height, data }: Mask, { padded = true } = {}): Float64Array {
  const squared = Float64Array.from(data, (value) => (value ? Number.POSITIVE_INFINITY : 0));
  for (let x = 0; x < width; x++) transform(squared, x, width, height, padded);
  for (let y = 0; y < height; y++) transform(squared, y * width, 1, width, padded);
  return squared;
}

/** Along one line, in place: each entry becomes the least (i − j)² + entry j. */
function transform(
  values: Float64Array,
  start: number,
  stride: number,
  length: number,
  padded: boolean,
): void {
  // The lower envelope of parabolas: where each has its vertex, its height, and from where on it is the lowest.
  const vertices: number[] = [];
  const heights: number[] = [];
  const from: number[] = [];
  const add = (vertex: number, height: number) => {
    if (height === Number.POSITIVE_INFINITY) return;
    for (;;) {
      const last = vertices.length - 1;
      if (last < 0) {
        from.push(Number.NEGATIVE_INFINITY);
        break;
      }
      const before = vertices[last] as number;
      const meet =
        (height + vertex ** 2 - ((heights[last] as number) + before ** 2)) / (2 * (vertex - before));
      if (meet > (from[last] as number)) {
        from.push(meet);
        break;
      }
      vertices.pop();
      heights.pop();
      from.pop();
    }
    vertices.push(vertex);
    heights.push(height);
  };
  if (padded) add(-1, 0);
  for (let i = 0; i < length; i++) add(i, values[start + i * stride] as number);
  if (padded) add(length, 0);
  for (let i = 0, k = 0; i < length; i++) {
    while (k + 1 < from.length && (from[k + 1] as number) < i) k++;
    const vertex = vertices[k];
    values[start + i * stride] =
      vertex === undefined ? Number.POSITIVE_INFINITY : (i - vertex) ** 2 + (heights[k] as number);
  }
}
