/** The losses of promptable segmentation. */
export { iouLoss, type MaskLoss, maskDice, maskFocal, maskIou } from "./masks.ts";
export {
  type Answer,
  answerLosses,
  clipLoss,
  isPresent,
  LOSS_WEIGHTS,
  type LossWeights,
  type MaskLosses,
  objectScoreLoss,
} from "./multi-step.ts";
