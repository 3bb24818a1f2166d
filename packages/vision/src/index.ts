/**
 * Image classification: the convolutional lineage and the Vision Transformer.
 *
 * @packageDocumentation
 */

export { Classifier, type Part } from "./classifier.ts";
export { type Cost, costOf, inputShapeOf } from "./cost.ts";
export { VisionError, type VisionErrorCode } from "./error.ts";
export {
  type ClassResult,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationProgress,
  evaluate,
  type LabelledImages,
} from "./evaluate/evaluate.ts";
export { labelsOf, parseLabels } from "./labels/labels.ts";
export { type LoadClassifierOptions, loadClassifier } from "./load-classifier.ts";
export { LeCun1989, type LeCun1989Options, squaredErrorLoss } from "./models/lecun1989.ts";
export { C3_TABLE, digitCodes, LeNet5, type LeNet5Options, rbfLoss } from "./models/lenet5.ts";
export { type ClassifierNetwork, type CreateOptions, createNetwork, networks } from "./networks/index.ts";
export { ImageClassifier } from "./pipeline/image-classifier.ts";
export { defaultCheckpoint } from "./pipeline/opener.ts";
export type {
  Classification,
  ClassifierOpenOptions,
  ClassifyAllOptions,
  ClassifyOptions,
  Prediction,
  Prepared,
} from "./pipeline/types.ts";
export {
  type Accuracy,
  accuracyOf,
  type Classes,
  type ClassifierRecord,
  type DigitLayout,
  type Preprocessing,
} from "./records/record.ts";
export { imageClassification } from "./task.ts";
export { fromTFLite, type TFLiteGraph } from "./tflite/graph.ts";
