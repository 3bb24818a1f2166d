/** Images and depth maps that were recorded at different times: TUM RGB-D and Redwood. */

/** A file and when it was taken, in seconds. */
export interface Stamped {
  readonly time: number;
  readonly file: string;
}

/**
 * Pairs files by time: the closest two first, each file once, at most `most` seconds apart (`associate.py` of the TUM
 * RGB-D benchmark). In the order of the images.
 */
export function associate(
  images: readonly Stamped[],
  depths: readonly Stamped[],
  most = 0.02,
): { readonly image: Stamped; readonly depth: Stamped }[] {
  const sorted = depths.toSorted((a, b) => a.time - b.time);
  const candidates = images.flatMap((image) => {
    const near: { image: Stamped; depth: Stamped; apart: number }[] = [];
    for (let i = firstAtLeast(sorted, image.time - most); i < sorted.length; i++) {
      const depth = sorted[i]!;
      const apart = Math.abs(depth.time - image.time);
      if (depth.time > image.time + most) break;
      if (apart < most) near.push({ image, depth, apart });
    }
    return near;
  });
  const taken = new Set<Stamped>();
  return candidates
    .toSorted((a, b) => a.apart - b.apart)
    .filter(({ image, depth }) => {
      if (taken.has(image) || taken.has(depth)) return false;
      taken.add(image).add(depth);
      return true;
    })
    .toSorted((a, b) => a.image.time - b.image.time);
}

/** The index of the first that is not before `time`. */
function firstAtLeast(sorted: readonly Stamped[], time: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
