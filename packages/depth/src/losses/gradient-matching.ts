import type { Tensor } from "@tessera-ml/tensor";
import { countPerImage, type Pooled, readMaps, reduceImages } from "./maps.ts";
import { normalizeMaps } from "./normalize.ts";

export interface GradientMatchingOptions extends Pooled {
  /** How many strides 1, 2, 4, …; default 4. */
  readonly scales?: number;
  /** The least deviation that maps are divided by, default 1e-6; see {@link normalizeMaps}. */
  readonly epsilon?: number;
}

/**
 * Multi-scale gradient matching (Ranftl et al. 2020, equation 11): Σ over strides 1, 2, 4, 8 of
 * (Σ|∂x R| + Σ|∂y R|) / valid pixels, with R = p̂ − ŷ, both normalised by median and mean deviation, and
 * differences between valid neighbours only. It sharpens edges. Pools over the batch by default, as the authors'
 * code does.
 *
 * @param prediction [N, H, W] or [N, 1, H, W], disparity
 */
export function gradientMatching(
  prediction: Tensor,
  target: Tensor,
  options: GradientMatchingOptions = {},
): Tensor {
  const { scales = 4, pool = "batch", epsilon = 1e-6 } = options;
  if (!Number.isInteger(scales) || scales < 1)
    throw new RangeError(`gradientMatching: expected at least one scale, got ${scales}`);
  const maps = readMaps("gradientMatching", prediction, target, options);
  const normalized = (x: Tensor) => normalizeMaps(x, maps.valid, { epsilon });
  const residual = normalized(maps.prediction).sub(normalized(maps.target).stopGradient());
  return residualGradients(residual, maps.valid, { scales, pool });
}

/** The loss of a residual R [N, H, W], 0 where it is not valid. */
export function residualGradients(
  residual: Tensor,
  valid: Tensor,
  { scales = 4, pool = "batch" }: Pick<GradientMatchingOptions, "scales" | "pool">,
): Tensor {
  const losses = Array.from({ length: scales }, (_, k) => {
    const every = [null, null, 2 ** k] as const;
    const [r, v] = [residual, valid].map((x) => x.index([null], every, every)) as [Tensor, Tensor];
    return reduceImages(differences(r, v, 1).add(differences(r, v, 2)), countPerImage(v), pool);
  });
  return losses.reduce((a, b) => a.add(b));
}

/** Σ|difference| between neighbours along an axis that are both valid, [N, 1, 1]. */
function differences(r: Tensor, valid: Tensor, axis: number): Tensor {
  const extent = (r.shape[axis] as number) - 1;
  if (extent === 0) return countPerImage(valid).mul(0);
  const [next, here] = [1, 0].map((start) => r.narrow(axis, start, extent)) as [Tensor, Tensor];
  const both = valid.narrow(axis, 1, extent).logicalAnd(valid.narrow(axis, 0, extent));
  return both.where(next.sub(here).abs(), 0).sum([1, 2], true);
}
