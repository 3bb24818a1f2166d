/**
 * Boundaries of masks and how well two of them agree (Perazzi et al. 2016, A Benchmark Dataset and Evaluation Methodology
 * for Video Object Segmentation, section 5), as the code of DAVIS 2017 and of SA-V computes it.
 */
import { type Mask, maskArea } from "../mask.ts";

/** Columns −x to x of each row of the disc x² + y² ≤ r², for y from −r to r. */
export function disk(radius: number): number[] {
  return Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.floor(Math.sqrt(radius ** 2 - (i - radius) ** 2)),
  );
}

/** Pixels that differ from their neighbour to the right, below, or both: edges of one pixel, half a pixel towards the origin. */
export function boundaryMap({ width, height, data }: Mask): Mask {
  const edges = new Uint8Array(data.length);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const [right, below] = [x + 1 < width, y + 1 < height];
      const value = data[i]!;
      const differs =
        (right && data[i + 1] !== value) ||
        (below && data[i + width] !== value) ||
        (right && below && data[i + width + 1] !== value);
      if (differs) edges[i] = 1;
    }
  return { width, height, data: edges };
}

/** Every pixel within `radius` of a pixel of the mask. */
export function dilate({ width, height, data }: Mask, radius: number): Mask {
  const out = new Uint8Array(data.length);
  const spans = disk(radius);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      if (!data[i]) continue;
      for (let row = Math.max(0, y - radius); row <= Math.min(height - 1, y + radius); row++) {
        const reach = spans[row - y + radius] as number;
        out.fill(1, row * width + Math.max(0, x - reach), row * width + Math.min(width - 1, x + reach) + 1);
      }
    }
  return { width, height, data: out };
}

function overlap(a: Mask, b: Mask): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += a.data[i]! & b.data[i]!;
  return sum;
}

/** J: the IoU of two masks; 1 if both are empty. */
export function regionSimilarity(truth: Mask, prediction: Mask): number {
  const [shared, both] = [overlap(truth, prediction), maskArea(truth) + maskArea(prediction)];
  return both === 0 ? 1 : shared / (both - shared);
}

/**
 * F: the harmonic mean of the shares of each boundary that lie within a tolerance of the other.
 *
 * @param tolerance as a share of the picture's diagonal, rounded up to whole pixels; default 0.008
 */
export function boundaryAccuracy(truth: Mask, prediction: Mask, tolerance = 0.008): number {
  const radius = Math.ceil(tolerance * Math.hypot(truth.width, truth.height));
  const [wanted, got] = [boundaryMap(truth), boundaryMap(prediction)];
  const [wantedCount, gotCount] = [maskArea(wanted), maskArea(got)];
  if (wantedCount === 0 || gotCount === 0) return wantedCount === gotCount ? 1 : 0;
  const precision = overlap(got, dilate(wanted, radius)) / gotCount;
  const recall = overlap(wanted, dilate(got, radius)) / wantedCount;
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}
