/** One object for each pixel. */

/** The logit of objects where another has the pixel, at most. */
const ELSEWHERE = -10;

/** Where several objects have the same pixels, the likeliest keeps its logits; those of the others become at most -10. */
export function withoutOverlap(objects: readonly Float32Array[]): Float32Array[] {
  if (objects.length < 2) return [...objects];
  const apart = objects.map((logits) => logits.map((x) => Math.min(x, ELSEWHERE)));
  const [first] = objects as [Float32Array];
  for (let i = 0; i < first.length; i++) {
    let best = 0;
    for (let k = 1; k < objects.length; k++) if (objects[k]![i]! > objects[best]![i]!) best = k;
    apart[best]![i] = objects[best]![i]!;
  }
  return apart;
}
