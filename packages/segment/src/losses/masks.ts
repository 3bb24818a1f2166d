/**
 * Losses of single masks, as Segment Anything weighs them (Kirillov et al. 2023, appendix A; Ravi et al. 2024, appendix
 * D.2). Each is one number for each mask, so that the best of several guesses can be chosen.
 */
import { dice, sigmoidFocal } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";

/** One for each mask: [B, M]. @param masks logits, [B, M, H, W] @param truth 0 or 1, [B, 1, H, W] */
export type MaskLoss = (masks: Tensor, truth: Tensor) => Tensor;

/** The mean of the focal loss over the pixels, with α = 0.25 and γ = 2 (Lin et al. 2017). */
export const maskFocal: MaskLoss = (masks, truth) =>
  sigmoidFocal(masks, truth.expand(masks.shape), { reduction: "none" }).mean([2, 3]);

/** 1 − (2 Σpy + 1) / (Σp + Σy + 1) over the pixels. */
export const maskDice: MaskLoss = (masks, truth) =>
  dice(masks.flatten(0, 1), truth.expand(masks.shape).flatten(0, 1), { reduction: "none" }).reshape(
    masks.shape.slice(0, 2),
  );

/** The IoU of each mask with the truth; that of two empty masks is 0. */
export const maskIou: MaskLoss = (masks, truth) => {
  const count = (x: Tensor) => x.astype("float32").sum([2, 3]);
  const [found, wanted] = [masks.greater(0), truth.greater(0)];
  const both = count(found.logicalAnd(wanted));
  return both.div(count(found.logicalOr(wanted)).maximum(1));
};

/**
 * How far the estimated IoUs are from those that the masks have, |e − IoU| or its square. The masks get no gradient.
 *
 * @param iou estimates, [B, M]
 */
export function iouLoss(iou: Tensor, masks: Tensor, truth: Tensor, kind: "l1" | "mse" = "l1"): Tensor {
  const error = iou.sub(maskIou(masks, truth).stopGradient());
  return kind === "l1" ? error.abs() : error.square();
}
