/** CutMix for unlabelled images (Depth Anything V1, section 3.2, equations 5 to 9). */
import type { Size } from "@tessera-ml/media";
import { fromArray, type Tensor } from "@tessera-ml/tensor";
import { asMaps, countPerImage, over } from "./maps.ts";
import { normalizedErrors, type ScaleShiftOptions } from "./scale-shift.ts";

/** Rows `top` to `bottom` − 1 and columns `left` to `right` − 1. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** A box within the image, of a random share of its area and in its aspect ratio (Yun et al. 2019, with alpha 1). */
export function randomBox({ width, height }: Size, random: () => number): Box {
  const side = Math.sqrt(random());
  const span = (extent: number): [number, number] => {
    const length = Math.min(extent, Math.max(1, Math.round(extent * side)));
    const start = Math.floor(random() * (extent - length + 1));
    return [start, start + length];
  };
  const [top, bottom] = span(height);
  const [left, right] = span(width);
  return { top, left, bottom, right };
}

/** Masks [N, H, W] that are true inside the boxes. */
export function boxMasks(boxes: readonly Box[], { width, height }: Size): Tensor {
  const data = new Uint8Array(boxes.length * height * width);
  for (const [n, { top, left, bottom, right }] of boxes.entries()) {
    if (!(top >= 0 && left >= 0 && top < bottom && left < right && bottom <= height && right <= width))
      throw new RangeError(
        `boxMasks: box ${n}: expected a box within ${width} x ${height}, got rows ${top}..${bottom}, columns ${left}..${right}`,
      );
    for (let y = top; y < bottom; y++) {
      const row = (n * height + y) * width;
      data.fill(1, row + left, row + right);
    }
  }
  return fromArray(data, [boxes.length, height, width]).notEqual(0);
}

/** `a` inside and `b` outside. Images [N, C, H, W], `inside` [N, H, W]. */
export function cutmixImages(a: Tensor, b: Tensor, inside: Tensor): Tensor {
  return inside.unsqueeze(1).where(a, b);
}

/**
 * The loss of a student's prediction for mixed images: `ssiMae` inside against the teacher's map of the whole image a
 * and outside against that of b, each region normalised for itself, weighted by their areas.
 *
 * @param student [N, H, W] or [N, 1, H, W]: its prediction for `cutmixImages(a, b, inside)`
 * @param teachers the teacher's predictions for a and for b
 * @param inside bool [N, H, W]
 */
export function cutmixLoss(
  student: Tensor,
  teachers: readonly [a: Tensor, b: Tensor],
  inside: Tensor,
  options: Omit<ScaleShiftOptions, "pool"> = {},
): Tensor {
  const region = asMaps("cutmixLoss", inside);
  const { mask } = options;
  const losses = teachers.map((teacher, i) => {
    const here = i === 0 ? region : region.logicalNot();
    const both = mask ? here.logicalAnd(asMaps("cutmixLoss", mask).notEqual(0)) : here;
    const { errors, valid } = normalizedErrors("cutmixLoss", student, teacher, {
      ...options,
      mask: both.reshape(student.shape),
    });
    const mean = over(errors.sum([1, 2], true), countPerImage(valid)); // [N, 1, 1]
    return here.astype("float32").mean([1, 2], true).mul(mean);
  });
  return (losses[0] as Tensor).add(losses[1] as Tensor).mean();
}
