/**
 * Evaluation of depth against measurements.
 *
 * @packageDocumentation
 */
export {
  ALIGNMENTS,
  type AlignBy,
  evaluateFrame,
  type FrameEvaluation,
  type FrameOptions,
  UnusableFrame,
} from "./frame.ts";
export { type Mean, meanWithInterval } from "./mean.ts";
export {
  type EvaluateSetOptions,
  evaluateSet,
  type FrameSet,
  type ImageMetrics,
  meansOf,
  type Predict,
  type SetEvaluation,
} from "./set.ts";
