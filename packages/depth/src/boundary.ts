/** How well depth edges are drawn: the boundary score of Depth Pro (Bochkovskii et al. 2024, section 4). */
import type { Values } from "./align.ts";

/** The least and the largest ratio of depths that make an edge, and how many between them are tried. */
const RATIOS = { from: 1.05, to: 1.25, count: 10 };

/**
 * The F1 score of occluding edges, 0 to 1. Two neighbours form an edge where one is farther than the other by a ratio;
 * the score is a mean over ratios from 1.05 to 1.25 in which larger ones weigh more. It does not depend on scale.
 *
 * @param prediction depth (not disparity), row by row
 * @param target depth; pairs with a value that is 0, negative or not finite do not count
 * @throws RangeError if the maps have another size
 */
export function boundaryF1(
  prediction: Values,
  target: Values,
  { width, height }: { readonly width: number; readonly height: number },
): number {
  for (const [what, { length }] of Object.entries({ prediction, target }))
    if (length !== width * height)
      throw new RangeError(`boundaryF1: ${what}: expected ${width} x ${height} values, got ${length}`);
  let [sum, weights] = [0, 0];
  for (let k = 0; k < RATIOS.count; k++) {
    const ratio = RATIOS.from + ((RATIOS.to - RATIOS.from) * k) / (RATIOS.count - 1);
    sum += ratio * f1(prediction, target, width, ratio);
    weights += ratio;
  }
  return sum / weights;
}

function f1(prediction: Values, target: Values, width: number, ratio: number): number {
  // In all four directions: which of the two neighbours is the farther one matters.
  let [precision, recall] = [0, 0];
  for (const [step, sign] of [
    [1, 1],
    [1, -1],
    [width, 1],
    [width, -1],
  ] as const) {
    let [hits, found, real] = [0, 0, 0];
    for (let i = 0; i + step < target.length; i++) {
      if (step === 1 && (i + 1) % width === 0) continue;
      const [a, b] = sign > 0 ? [i, i + step] : [i + step, i];
      if (!(isDepth(target[a]!) && isDepth(target[b]!))) continue;
      const [seen, truth] = [prediction[b]! > ratio * prediction[a]!, target[b]! > ratio * target[a]!];
      hits += Number(seen && truth);
      found += Number(seen);
      real += Number(truth);
    }
    precision += hits / Math.max(found, 1) / 4;
    recall += hits / Math.max(real, 1) / 4;
  }
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}

function isDepth(value: number): boolean {
  return value > 0 && value < Number.POSITIVE_INFINITY;
}
