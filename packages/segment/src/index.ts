/**
 * Promptable segmentation on images and videos.
 *
 * @packageDocumentation
 */

export { SegmentError, type SegmentErrorCode } from "./error.ts";
export { boundaryAccuracy, boundaryMap, regionSimilarity } from "./evaluate/boundary.ts";
export {
  type EvaluateVideoOptions,
  evaluateVideo,
  type Labels,
  type VideoScore,
  VideoScores,
} from "./evaluate/video-scores.ts";
export {
  type EverythingOptions,
  type FoundMask,
  type Promptable,
  type PromptedImage,
  segmentEverything,
  withoutSmallRegions,
} from "./everything/generate.ts";
export { withoutSmall } from "./everything/regions.ts";
export {
  type Answer,
  answerLosses,
  clipLoss,
  iouLoss,
  LOSS_WEIGHTS,
  type LossWeights,
  type MaskLosses,
  maskDice,
  maskFocal,
  maskIou,
  objectScoreLoss,
} from "./losses/index.ts";
export { type Corners, type Mask, maskArea, maskBox, maskOf, stabilityScore } from "./mask.ts";
export { type DecodedMasks, MaskDecoder, type MaskDecoderConfig } from "./models/mask-decoder.ts";
export {
  type EncodedPrompt,
  LABEL,
  type Points,
  type Prompt,
  PromptEncoder,
  type PromptEncoderConfig,
} from "./models/prompt-encoder.ts";
export { SamEncoder, type SamEncoderConfig } from "./models/sam1/image-encoder.ts";
export { Sam, type SamConfig, samConfigs } from "./models/sam1/sam.ts";
export { TinyViT, type TinyViTConfig } from "./models/sam1/tiny-vit.ts";
export type { HieraConfig } from "./models/sam2/hiera.ts";
export {
  type ImageFeatures,
  type Memories,
  Sam2,
  type Sam2Config,
  type Segmented,
  sam2Configs,
  sam2Lite,
} from "./models/sam2/sam2.ts";
export { type TwoWayConfig, TwoWayTransformer } from "./models/two-way-transformer.ts";
export { samFromHuggingFace } from "./naming/sam.ts";
export { sam2FromHuggingFace } from "./naming/sam2.ts";
export { networks } from "./networks/index.ts";
export { cocoFile, type ObjectJson, objectsAsJson } from "./outputs/coco.ts";
export { ENDINGS, type Ending } from "./outputs/endings.ts";
export { cutOut, overlay, palette, pictureOf } from "./outputs/pictures.ts";
export { saveSegmentation } from "./outputs/save.ts";
export { saveTracked, trackedAsJson, trackedPictures } from "./outputs/tracked.ts";
export { maskPrompt } from "./predict/mask-prompt.ts";
export type { Box, ImagePrompt, Point, Prediction } from "./predict/prompt.ts";
export { preprocessSam, restoreMasks } from "./predict/sam-image.ts";
export { type PredictOptions, SamImage, SamPredictor } from "./predict/sam-predictor.ts";
export { preprocessFrame, preprocessSam2 } from "./predict/sam2-image.ts";
export { Sam2Image, Sam2Predictor } from "./predict/sam2-predictor.ts";
export { BOX, type ObjectPrompt, POINT, readPrompts } from "./prompts.ts";
export { records, type SegmentRecord, segmentSchema } from "./records.ts";
export type { ObjectGuess, Segmentation, SegmentedObject, SegmentOptions, Style } from "./result.ts";
export { decodeRle, encodeRle, type Rle, rleArea, rleFromString, rleToString } from "./rle.ts";
export { type EncodedImage, Segmenter } from "./segmenter.ts";
export { maskGeneration } from "./task.ts";
export type { Frame, FrameSource } from "./track/frames.ts";
export type { PointOptions } from "./track/given.ts";
export type { FrameMasks, ObjectId, ObjectMask } from "./track/result.ts";
export { type PropagateOptions, type VideoOptions, VideoSession } from "./track/session.ts";
export type { RememberedFrames } from "./track/states.ts";
export { type StreamOptions, VideoStream } from "./track/stream.ts";
export type { MemoryUse, TrackerRun } from "./track/tracker.ts";
export { VideoSegmenter } from "./track-runtime.ts";
export { videoSegmentation } from "./track-task.ts";
export {
  type TrackedObject,
  type TrackedSummary,
  TrackedVideo,
  type TrackedVideoFrame,
  type TrackOptions,
} from "./tracked-video.ts";
export {
  type BoxNoise,
  boxPoints,
  type Click,
  centreClick,
  joinPoints,
  randomClicks,
} from "./training/clicks.ts";
export { squaredDistances } from "./training/distance.ts";
export { parameterRules, type Sam2Training, sam2Optimizer, sam2Schedule } from "./training/optimizer.ts";
export {
  type ClickRequest,
  type ClipFrame,
  type TrackedFrame,
  trackClip,
  trackWith,
} from "./training/track.ts";
export { readVideoPrompts } from "./video-prompts.ts";
