/**
 * Depth from a single image.
 *
 * @packageDocumentation
 */
export {
  asInTransformers,
  DepthAnything,
  type DepthAnythingConfig,
  depthAnythingConfigs,
} from "./models/depth-anything.ts";
export { DinoV2, type DinoV2Config, dinov2Configs, type Features } from "./models/dinov2.ts";
export { DPTHead, type DPTHeadConfig } from "./models/dpt-head.ts";
export { NETWORKS, type NetworkEntry } from "./models/index.ts";
export { depthAnythingFromHuggingFace, dinov2FromHuggingFace } from "./naming.ts";
export type { KeyOf, Naming } from "./naming-types.ts";
export {
  type DepthPreset,
  depthPresets,
  inputSize,
  preprocessDepth,
  resizeTarget,
  restoreDepth,
  videoDepthPreset,
} from "./preprocess.ts";
