/**
 * Losses that ignore scale and shift of the prediction: MiDaS's (Towards Robust Monocular Depth Estimation, Ranftl et
 * al. 2020, section 5) and Depth Anything's (Yang et al. 2024, section 3). Maps are disparities, [N, H, W] or
 * [N, 1, H, W]. An image without valid pixels takes no part; a batch without any has the loss 0 and no gradient.
 */
import { arange, sort, type Tensor } from "@tessera-ml/tensor";
import { gradientMatching } from "./gradient-matching.ts";
import { countPerImage, LARGEST, type Pooled, readMaps, reduceImages } from "./maps.ts";
import { leastSquaresPerImage, type NormalizeOptions, normalizeMaps } from "./normalize.ts";

export interface ScaleShiftOptions extends Pooled {
  /** The least deviation that maps are divided by, default 1e-6; see {@link normalizeMaps}. */
  readonly epsilon?: number;
}

export interface SsiMaeOptions extends ScaleShiftOptions {
  /** The share of the valid pixels that count, those with the smallest errors: 0.9 for pseudo-labels. Default 1. */
  readonly keep?: number;
}

/** Mean of |p̂ − ŷ|, both maps normalised by median and mean deviation (Depth Anything V1, equations 2 and 3). */
export function ssiMae(prediction: Tensor, target: Tensor, options: SsiMaeOptions = {}): Tensor {
  const { keep = 1, pool } = options;
  const { errors, valid } = normalizedErrors("ssiMae", prediction, target, options);
  const { sums, kept } = smallest("ssiMae", errors, valid, keep, pool);
  return reduceImages(sums, kept, pool);
}

/** ½ mean of |p̂ − ŷ| without the largest fifth of the errors, which still count in the mean (MiDaS, equation 7). */
export function ssiTrim(
  prediction: Tensor,
  target: Tensor,
  options: ScaleShiftOptions & { /** Default 0.2. */ readonly trim?: number } = {},
): Tensor {
  const { trim = 0.2, pool } = options;
  const { errors, valid } = normalizedErrors("ssiTrim", prediction, target, options);
  return trimmedMean(errors, valid, trim, pool).mul(0.5);
}

/** ½ mean of (s p + t − y)², s and t by least squares per image (MiDaS, equations 3 and 4). Ignores the sign of p. */
export function ssiMse(prediction: Tensor, target: Tensor, options: Pooled = {}): Tensor {
  const maps = readMaps("ssiMse", prediction, target, options);
  const { scale, shift } = leastSquaresPerImage(maps.prediction, maps.target, maps.valid);
  // s and t minimise this very loss, so that no gradient flows through them.
  const aligned = maps.prediction.mul(scale.stopGradient()).add(shift.stopGradient());
  const squares = maps.valid.where(aligned.sub(maps.target), 0).square();
  return reduceImages(squares.sum([1, 2], true), countPerImage(maps.valid), options.pool).mul(0.5);
}

/** `ssiMae` + 2 {@link gradientMatching} (Depth Anything V2, section 5 and appendix). */
export function depthAnythingV2Loss(
  prediction: Tensor,
  target: Tensor,
  options: SsiMaeOptions & { /** Default 2. */ readonly gradientWeight?: number } = {},
): Tensor {
  const { gradientWeight = 2, keep, epsilon, ...pooled } = options;
  const shared = epsilon === undefined ? {} : { epsilon };
  const ssi = ssiMae(prediction, target, { ...pooled, ...shared, ...(keep === undefined ? {} : { keep }) });
  return ssi.add(gradientMatching(prediction, target, { ...shared, mask: pooled.mask }).mul(gradientWeight));
}

/** |p̂ − ŷ|, [N, H, W]. */
export function normalizedErrors(
  name: string,
  prediction: Tensor,
  target: Tensor,
  { epsilon, ...options }: ScaleShiftOptions,
): { errors: Tensor; valid: Tensor } {
  const maps = readMaps(name, prediction, target, options);
  const how: NormalizeOptions = epsilon === undefined ? {} : { epsilon };
  const p = normalizeMaps(maps.prediction, maps.valid, how);
  const y = normalizeMaps(maps.target, maps.valid, how).stopGradient();
  return { errors: p.sub(y).abs(), valid: maps.valid };
}

/** The sum of the valid errors without the largest share `trim`, over the number of all of them. */
export function trimmedMean(errors: Tensor, valid: Tensor, trim: number, pool: Pooled["pool"]): Tensor {
  const { sums } = smallest("ssiTrim", errors, valid, 1 - trim, pool);
  return reduceImages(sums, countPerImage(valid), pool);
}

/** The sum of the smallest ⌊share · M⌋ of the M valid errors, per image [N, 1, 1] or of the batch [1, 1, 1]. */
function smallest(name: string, errors: Tensor, valid: Tensor, share: number, pool: Pooled["pool"]) {
  if (!(share > 0 && share <= 1))
    throw new RangeError(`${name}: expected to keep a share in (0, 1] of the errors, got ${share}`);
  const count = countPerImage(valid);
  if (share === 1) return { sums: errors.sum([1, 2], true), kept: count };
  const rows = (x: Tensor) => (pool === "batch" ? x.reshape([1, 1, -1]) : x.flatten(1).unsqueeze(1)); // [N, 1, M]
  const sorted = sort(rows(valid.where(errors, LARGEST))).values;
  const total = pool === "batch" ? count.sum(0, true) : count;
  // float32 may be just below the whole number that share · M is in decimals
  const kept = total
    .mul(share)
    .add(2 ** -7)
    .floor();
  const position = arange(sorted.shape[2] as number).astype("float32");
  return { sums: position.less(kept).where(sorted, 0).sum(2, true), kept };
}
