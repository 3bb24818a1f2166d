/** How much the depth of what does not move changes from frame to frame. */
import { type Image, type Planes, resizePil, type Size, toGrey } from "@tessera-ml/media";

/** Levels of grey by which a pixel of the image may change and count as static. */
const STILL = 3;
/** Pairs of frames with a smaller share of static pixels say nothing. */
const ENOUGH = 0.05;

/** A frame in grey, as large as its map. */
export function greyOf(image: Image, size: Size): Image {
  return resizePil(toGrey(image), size, "bilinear");
}

/** Pixels that do not change from one grey frame to the next, 1 or 0; undefined if they are fewer than 5 %. */
export function staticPixels(before: Image, after: Image): Uint8Array | undefined {
  const mask = before.data.map((level, i) => (Math.abs(level - after.data[i]!) <= STILL ? 1 : 0));
  return mask.reduce((sum, one) => sum + one, 0) >= ENOUGH * mask.length ? mask : undefined;
}

/**
 * Flicker in percent: 100 / |P| · Σ over pairs of consecutive frames t ∈ P of
 *
 *   mean over p ∈ S of |d_t(p) − d_{t−1}(p)| / R
 *
 * where S are the static pixels of the pair and R is the range from the 2nd to the 98th percentile of d_{t−1}. It is the
 * warping error of the video depth papers (OPW of NVDS, Wang et al. 2023) where optical flow is zero, so that it needs
 * no flow. The scale and shift of the whole video do not change it.
 */
export class FlickerMeter {
  #before: Planes | undefined;
  #sum = 0;
  #pairs = 0;

  /**
   * @param map of the next frame, [1, h, w]
   * @param still the static pixels of this frame and the one before; undefined where the pair does not count
   */
  push(map: Planes, still: Uint8Array | undefined): void {
    const before = this.#before;
    this.#before = map;
    if (!before || !still) return;
    const [low, high] = percentiles(before, [0.02, 0.98]);
    if (!(high > low)) return;
    let [sum, count] = [0, 0];
    for (const [i, counts] of still.entries())
      if (counts) {
        sum += Math.abs(map.data[i]! - before.data[i]!);
        count++;
      }
    this.#sum += sum / count / (high - low);
    this.#pairs++;
  }

  /** Percent; undefined if no pair of frames counted. */
  get percent(): number | undefined {
    return this.#pairs > 0 ? (100 * this.#sum) / this.#pairs : undefined;
  }
}

const SAMPLED = 10_000;

/** Of about 10,000 values of a map. @param shares from 0 to 1 */
export function percentiles({ data }: Planes, [lower, upper]: readonly [number, number]): [number, number] {
  const step = Math.max(1, Math.floor(data.length / SAMPLED));
  const sorted = Float32Array.from(
    { length: Math.ceil(data.length / step) },
    (_, i) => data[i * step]!,
  ).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(lower), at(upper)];
}
