/**
 * The loss of a clip (Ravi et al. 2024, appendix D.2): on every frame, every answer of the decoder counts, the first one
 * and those after each correction.
 */
import { binaryCrossEntropyWithLogits } from "@tessera-ml/nn";
import { oneHot, type Tensor } from "@tessera-ml/tensor";
import { iouLoss, maskDice, maskFocal } from "./masks.ts";

/** An answer for each of B objects. */
export interface Answer {
  /** Logits, [B, M, H, W]: one mask, or several guesses. */
  readonly masks: Tensor;
  /** Estimated IoUs, [B, M]. */
  readonly iou: Tensor;
  /** Logit of whether the object is in the picture, [B, 1]. */
  readonly objectScore: Tensor;
}

export interface LossWeights {
  readonly focal: number;
  readonly dice: number;
  readonly iou: number;
  readonly score: number;
}

/** Those of both papers. */
export const LOSS_WEIGHTS: LossWeights = { focal: 20, dice: 1, iou: 1, score: 1 };

/** Sums over objects, divided by their number. */
export interface MaskLosses {
  readonly focal: Tensor;
  readonly dice: Tensor;
  readonly iou: Tensor;
  readonly score: Tensor;
}

/** The binary cross entropy of whether each object is in the picture. @param truth 0 or 1, [B, 1, H, W] */
export function objectScoreLoss(objectScore: Tensor, truth: Tensor): Tensor {
  return binaryCrossEntropyWithLogits(objectScore, isPresent(truth));
}

/** 1 where any pixel is of the object: [B, 1, H, W] → [B, 1] */
export function isPresent(truth: Tensor): Tensor {
  return truth.greater(0).astype("float32").max([2, 3]);
}

/**
 * The losses of one answer. Of several guesses only the best one learns its mask, and all learn their IoU; of an absent
 * object only the score is learned.
 *
 * @param truth 0 or 1, [B, 1, H, W]
 */
export function answerLosses(
  { masks, iou, objectScore }: Answer,
  truth: Tensor,
  weights: LossWeights = LOSS_WEIGHTS,
): MaskLosses {
  const [batch, count] = masks.shape as [number, number];
  const [focal, dice] = [maskFocal(masks, truth), maskDice(masks, truth)]; // [B, M]
  const combined = focal.mul(weights.focal).add(dice.mul(weights.dice));
  const best = oneHot(combined.argmin(1), count); // [B, M]
  const present = isPresent(truth); // [B, 1]
  const overObjects = (losses: Tensor) => losses.mul(present).sum().div(batch);
  return {
    focal: overObjects(focal.mul(best)),
    dice: overObjects(dice.mul(best)),
    iou: overObjects(iouLoss(iou, masks, truth).mean(1, true)),
    score: objectScoreLoss(objectScore, truth),
  };
}

/** The sums over all answers on all frames, and what is minimized. */
export function clipLoss(
  frames: readonly { readonly truth: Tensor; readonly answers: readonly Answer[] }[],
  weights: LossWeights = LOSS_WEIGHTS,
): MaskLosses & { readonly loss: Tensor } {
  const all = frames.flatMap(({ truth, answers }) =>
    answers.map((answer) => answerLosses(answer, truth, weights)),
  );
  const sum = (name: keyof MaskLosses) => all.map((losses) => losses[name]).reduce((a, b) => a.add(b));
  const losses = { focal: sum("focal"), dice: sum("dice"), iou: sum("iou"), score: sum("score") };
  const loss = (Object.keys(losses) as (keyof MaskLosses)[])
    .map((name) => losses[name].mul(weights[name]))
    .reduce((a, b) => a.add(b));
  return { ...losses, loss };
}
