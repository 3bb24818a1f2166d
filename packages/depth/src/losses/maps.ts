/** What the losses share: batches of maps with masks, and sums over valid pixels. */
import type { Tensor } from "@tessera-ml/tensor";

export interface Masked {
  /** Which pixels count, in the shape of the target: bool, or numbers of which 0 is invalid. Default: all. */
  readonly mask?: Tensor | undefined;
}

export interface Pooled extends Masked {
  /**
   * `images` (default): the mean of the losses of the images that have valid pixels. `batch`: all pixels of the
   * batch have the same weight, as in the code published with Video Depth Anything.
   */
  readonly pool?: "images" | "batch";
}

/** A prediction, its target and the valid pixels, [N, H, W] each; invalid pixels are 0 and pass no gradient. */
export interface Maps {
  readonly prediction: Tensor;
  readonly target: Tensor;
  /** bool */
  readonly valid: Tensor;
}

/**
 * @param prediction [N, H, W], [N, 1, H, W] or [H, W]
 * @param target in the same shape; pixels that are not finite are invalid
 * @throws Error if shapes differ
 */
export function readMaps(name: string, prediction: Tensor, target: Tensor, { mask }: Masked): Maps {
  for (const [what, other] of [
    ["target", target],
    ["mask", mask],
  ] as const)
    if (other && other.shape.join() !== prediction.shape.join())
      throw new Error(
        `${name}: ${what}: expected [${prediction.shape.join(", ")}] like the prediction, got ${other}`,
      );
  const maps = (x: Tensor) => asMaps(name, x);
  const [p, t] = [maps(prediction).astype("float32"), maps(target).astype("float32")];
  const finite = t.isNaN().logicalOr(t.abs().greater(LARGEST)).logicalNot();
  const valid = mask ? finite.logicalAnd(maps(mask).notEqual(0)) : finite;
  return { prediction: valid.where(p, 0), target: valid.where(t, 0), valid };
}

/** Just below the largest float32: sorts behind every valid value. */
export const LARGEST = 3e38;

/** [N, 1, H, W] or [H, W] as [N, H, W]. */
export function asMaps(name: string, x: Tensor): Tensor {
  if (x.rank === 2) return x.unsqueeze(0);
  if (x.rank === 4 && x.shape[1] === 1) return x.squeeze(1);
  if (x.rank === 3) return x;
  throw new Error(`${name}: expected maps [N, H, W], [N, 1, H, W] or [H, W], got ${x}`);
}

/** The number of true entries of each image, [N, 1, 1] float32. */
export function countPerImage(valid: Tensor): Tensor {
  return valid.astype("float32").sum([1, 2], true);
}

/** x / n, and 0 where n is 0. */
export function over(x: Tensor, n: Tensor): Tensor {
  return n.greater(0).where(x.div(n.maximum(1)), 0);
}

/**
 * Reduces sums of images, with the counts that they are divided by, to a number.
 *
 * @param sums [N, 1, 1]
 * @param counts [N, 1, 1]; an image with 0 takes no part
 */
export function reduceImages(sums: Tensor, counts: Tensor, pool: Pooled["pool"]): Tensor {
  if (pool === "batch") return over(sums.sum(), counts.sum());
  return over(over(sums, counts).sum(), counts.greater(0).astype("float32").sum());
}
