/**
 * Inspecting networks: layers and their costs, outputs of parts and modules, attention maps. Runs on Node and in
 * browsers.
 *
 * @packageDocumentation
 */
export { type AttentionMap, attentionMaps, attentionRollout } from "./attention.ts";
export { inInference } from "./inference.ts";
export {
  type Chain,
  featureMaps,
  type Layout,
  laidOut,
  layoutOf,
  type Part,
  type PartShape,
  partShapes,
  reach,
  tokenGrid,
} from "./parts.ts";
export { type LayerProfile, profile } from "./profile.ts";
export { effectiveReceptiveField } from "./receptive-field.ts";
export { countMacs } from "./walk.ts";
export { moduleOutputs } from "./watch.ts";
