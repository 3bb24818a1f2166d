/**
 * Depth from a single image.
 *
 * @packageDocumentation
 */

export {
  type AlignedDepth,
  type Alignment,
  type AlignOptions,
  align,
  type FitOptions,
  fitLeastSquares,
  fitRobust,
  type KnownPoint,
  type RobustOptions,
  toDepth,
} from "./align.ts";
export { boundaryF1 } from "./boundary.ts";
export { cameraOf, type Lens } from "./camera.ts";
export { DepthEstimator } from "./estimator.ts";
export { type Camera, HYPERSIM_FOCAL, planarDepth, pointCloud } from "./geometry.ts";
export { parseKnown, readSensor } from "./known.ts";
export * from "./losses/index.ts";
export {
  type AlignedEvaluation,
  CAPS,
  type Crop,
  correctPairs,
  type DepthMetrics,
  depthMetrics,
  evaluateAligned,
  type MetricOptions,
  type OrderedPair,
  readDA2K,
  ZOE_EVALUATION,
} from "./metrics.ts";
export {
  asInTransformers,
  DepthAnything,
  type DepthAnythingConfig,
  depthAnythingConfigs,
} from "./models/depth-anything.ts";
export {
  type DepthAndSky,
  type DepthAnything3Config,
  DepthAnything3Mono,
  depthAnything3Configs,
} from "./models/depth-anything-3.ts";
export { DepthLite, type DepthLiteConfig } from "./models/depth-lite.ts";
export { DinoV2, type DinoV2Config, dinov2Configs, type Features } from "./models/dinov2.ts";
export { DPTHead, type DPTHeadConfig } from "./models/dpt-head.ts";
export { DPT, type DPTConfig, dptConfigs } from "./models/midas/dpt.ts";
export { MidasNet, type MidasNetConfig, midasConfigs } from "./models/midas/midas-net.ts";
export {
  VideoDepthAnything,
  type VideoDepthAnythingConfig,
  videoDepthAnythingConfigs,
} from "./models/video-depth-anything.ts";
export {
  depthAnything3FromHuggingFace,
  depthAnythingFromHuggingFace,
  dinov2FromHuggingFace,
  dptFromHuggingFace,
} from "./naming.ts";
export { networks } from "./networks/index.ts";
export { ENDINGS, type Ending } from "./outputs/endings.ts";
export { encodeGlb, type Mesh, meshOf } from "./outputs/glb.ts";
export { encodePfm } from "./outputs/pfm.ts";
export { colourPicture, deepPng, sideBySide, unitOf } from "./outputs/pictures.ts";
export { encodePly } from "./outputs/ply.ts";
export { saveDepth } from "./outputs/save.ts";
export {
  type DepthPreset,
  depthPresets,
  inputSize,
  preprocessDepth,
  resizeTarget,
  restoreDepth,
  videoDepthPreset,
} from "./preprocess.ts";
export {
  type DepthFields,
  type DepthKind,
  type DepthRecord,
  depthSchema,
  type PresetName,
  records,
} from "./records.ts";
export {
  type CommonResult,
  type DepthOptions,
  type DepthResult,
  type KnownAlignment,
  type MetricDepth,
  type PictureStyle,
  type RelativeDepth,
  relativeDepth,
} from "./result.ts";
export { metresOf, replaceSky } from "./sky.ts";
export { depthEstimation } from "./task.ts";
export { FrameAligner } from "./video/align-frames.ts";
export { ClipJoiner, clipsOf, videoClips } from "./video/clips.ts";
export { CutDetector } from "./video/cuts.ts";
export { DepthVideo, type Flicker, type VideoDepthFrame, type VideoSummary } from "./video/depth-video.ts";
export { FlickerMeter, staticPixels } from "./video/flicker.ts";
export { picturesOf, saveDepthVideo } from "./video/save.ts";
export {
  colorizeDepth,
  type DepthColors,
  type DepthRange,
  depth16,
  depthColors,
  depthLevels,
} from "./visualize.ts";
