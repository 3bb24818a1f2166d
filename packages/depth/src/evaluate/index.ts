/**
 * Evaluation of depth against measurements.
 *
 * @packageDocumentation
 */
export { ALIGNMENTS, type AlignBy } from "./alignments.ts";
export { type DepthEvaluation, evaluateOn, type SetResult } from "./checkpoint.ts";
export {
  evaluateFrame,
  type FrameEvaluation,
  type FrameOptions,
  UnusableFrame,
} from "./frame.ts";
export { type Mean, meanWithInterval } from "./mean.ts";
export {
  type EvaluateOrderOptions,
  evaluateOrder,
  type OrderAccuracy,
  type OrderEvaluation,
} from "./order.ts";
export {
  type EvaluateSetOptions,
  evaluateSet,
  type FrameSet,
  type ImageMetrics,
  meansOf,
  NothingEvaluated,
  type Predict,
  type SetEvaluation,
} from "./set.ts";
