/** Removing the unknown scale and shift of a map. */
import { gather, sort, type Tensor } from "@tessera-ml/tensor";
import { countPerImage, LARGEST, over } from "./maps.ts";

export interface NormalizeOptions {
  /** Pixels that the median is taken over; default: the valid ones. bool [N, H, W] */
  readonly medianOver?: Tensor;
  /** The least deviation that is divided by, default 1e-6: a constant map becomes 0. */
  readonly epsilon?: number;
}

/**
 * (x − t) / s with t the median and s the mean of |x − t| over the valid pixels of each image; invalid pixels are 0
 * (Ranftl et al. 2020, section 5, equation 5). The gradient includes those of t and s. Of an even number of
 * pixels, the median is the lower middle one.
 *
 * A nearly constant map has a large gradient, up to 1 / epsilon: leave such images out, or raise `epsilon`.
 *
 * @param x [N, H, W]
 * @param valid bool [N, H, W]
 */
export function normalizeMaps(x: Tensor, valid: Tensor, options: NormalizeOptions = {}): Tensor {
  const { medianOver = valid, epsilon = 1e-6 } = options;
  const centred = valid.where(x.sub(medianPerImage(x, medianOver)), 0);
  const deviation = over(centred.abs().sum([1, 2], true), countPerImage(valid));
  return centred.div(deviation.maximum(epsilon));
}

/** The lower median over the valid pixels of each image, [N, 1, 1]; of an image without any, its first pixel. */
export function medianPerImage(x: Tensor, valid: Tensor): Tensor {
  const flat = x.flatten(1); // [N, M]
  const { indices } = sort(valid.where(x, LARGEST).flatten(1).stopGradient());
  const middle = countPerImage(valid).squeeze(2).sub(1).div(2).floor().maximum(0).astype("int32"); // [N, 1]
  const at = gather(indices, 1, middle, { unchecked: true });
  return gather(flat, 1, at, { unchecked: true }).unsqueeze(2);
}

/**
 * Scale s and shift t per image, [N, 1, 1] each, that minimise Σ(s x + t − y)² over its valid pixels. Where x is
 * constant up to rounding, s is 0 and t the mean of y; where nothing is valid, both are 0.
 *
 * @param x, y [N, H, W]
 * @param valid bool [N, H, W]
 */
export function leastSquaresPerImage(x: Tensor, y: Tensor, valid: Tensor): { scale: Tensor; shift: Tensor } {
  const count = countPerImage(valid);
  const mean = (z: Tensor) => over(valid.where(z, 0).sum([1, 2], true), count);
  const [mx, my] = [mean(x), mean(y)];
  const [dx, dy] = [valid.where(x.sub(mx), 0), valid.where(y.sub(my), 0)];
  const variance = mean(dx.square());
  const varies = variance.greater(mx.square().add(variance).mul(1e-12));
  const scale = varies.where(mean(dx.mul(dy)).div(varies.where(variance, 1)), 0);
  return { scale, shift: my.sub(scale.mul(mx)) };
}
