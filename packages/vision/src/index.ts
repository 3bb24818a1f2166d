/**
 * Image classification: the convolutional lineage and the Vision Transformer.
 *
 * @packageDocumentation
 */

export { defaultModel } from "#checkpoints";
export { Classifier, type Part } from "./classifier.ts";
export { VisionError, type VisionErrorCode } from "./error.ts";
export {
  type ClassResult,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationProgress,
  evaluate,
  type LabelledImages,
} from "./evaluate.ts";
export { labelsOf, parseLabels } from "./labels.ts";
export {
  fitNetworks,
  type LoadClassifierOptions,
  type LoadedClassifier,
  loadClassifier,
  type NetworkFit,
} from "./load.ts";
export { LeCun1989, type LeCun1989Options, squaredErrorLoss } from "./models/lecun1989.ts";
export { C3_TABLE, digitCodes, LeNet5, type LeNet5Options, rbfLoss } from "./models/lenet5.ts";
export { ImageClassifier } from "./pipeline/image-classifier.ts";
export type {
  Classification,
  ClassifyAllOptions,
  ClassifyOptions,
  LoadOptions,
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
export { type FoundNetwork, findNetwork, inputShapeOf, type ModelInfo, modelInfo } from "./records.ts";
export {
  type CreateOptions,
  createModel,
  type FoundModel,
  findModel,
  listModels,
  type ModelEntry,
} from "./registry.ts";
export { fromTFLite, type TFLiteGraph } from "./tflite.ts";
export { type KeyOf, type Naming, sourceShape } from "./weights.ts";
