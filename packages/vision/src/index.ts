/**
 * Image classification: the convolutional lineage and the Vision Transformer.
 *
 * @packageDocumentation
 */
export { Classifier, type Part } from "./classifier.ts";
export * from "./golden.ts";
export {
  type CreateOptions,
  createModel,
  type FoundModel,
  findModel,
  listModels,
  type ModelEntry,
} from "./registry.ts";
export { type KeyOf, sourceShape } from "./weights.ts";
