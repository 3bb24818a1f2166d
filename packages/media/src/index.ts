/**
 * `@tessera-ml/media`: reading and writing images and videos, resizing, preprocessing, augmentation and drawing. Runs on
 * Node and in browsers, except for functions marked "Node only".
 */

export { rasterize } from "#codec";
export { MediaError, type MediaErrorCode } from "./error.ts";
export {
  alternatingFlip,
  cutmix,
  cutout,
  type Mixed,
  mixedTargets,
  mixup,
  pcaLighting,
  type RandomCropOptions,
  type RandomErasingOptions,
  randomCrop,
  randomErasing,
  randomFlip,
} from "./image/augment/batch.ts";
export { gaussianBlur } from "./image/augment/blur.ts";
export {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  adjustSharpness,
  autoContrast,
  type ColorJitterOptions,
  colorJitter,
  equalize,
  posterize,
  solarize,
} from "./image/augment/color.ts";
export {
  type Affine,
  type AffineOptions,
  affineMap,
  type RandomAffineOptions,
  type RandomResizedCropOptions,
  randomAffine,
  randomResizedCrop,
  warpAffine,
} from "./image/augment/geometry.ts";
export type { Random } from "./image/augment/random.ts";
export { trivialAugmentWide } from "./image/augment/trivial.ts";
export { type Batch, pictureAt, stack } from "./image/batch.ts";
export type { ImageFormat } from "./image/codec/codec.ts";
export { CHART_COLORS, type ChartOptions, lineChart, type Series } from "./image/draw/chart.ts";
export {
  COLORMAPS,
  type ColorizeOptions,
  type Colormap,
  colorize,
  colormapTable,
  finiteRange,
  paletteColor,
  toUnitRange,
} from "./image/draw/colormap.ts";
export {
  type BoxOptions,
  drawBoxes,
  drawPoints,
  type HeatOptions,
  type Mask,
  type MaskOptions,
  overlayHeat,
  overlayMasks,
  type Point,
  type PointOptions,
  paste,
} from "./image/draw/overlay.ts";
export { type ContactSheetOptions, contactSheet, renderText, type TextOptions } from "./image/draw/sheet.ts";
export {
  type Channels,
  type Color,
  crop,
  flatten,
  flipHorizontal,
  fromPlanes,
  Image,
  Planes,
  type Rectangle,
  type Size,
  toGrey,
  toPlanes,
  toRgb,
  toRgba,
} from "./image/image.ts";
export {
  checkImage,
  type ImageSource,
  type ReadDepthOptions,
  type ReadImageOptions,
  readDepth,
  readImage,
} from "./image/read.ts";
export { type OpenCvInterpolation, resizeOpenCv } from "./image/resize/opencv.ts";
export { type PilFilter, resizePil } from "./image/resize/pil.ts";
export { type InterpolateOptions, interpolate } from "./image/resize/torch.ts";
export {
  centerRectangle,
  HALF,
  IMAGENET_MEAN,
  IMAGENET_STD,
  normalize,
  type Preset,
  preprocess,
  type Resampling,
  shorterSide,
  timmPreset,
  torchvisionPreset,
  visibleRectangle,
  vitPreset,
} from "./image/transform.ts";
export { encodeImage, encodePng16, type WriteImageOptions, writeDepth, writeImage } from "./image/write.ts";
export { readSource, type Source, type SourceBytes } from "./source.ts";
export { Clip, type ClipFramesOptions, clipIn } from "./video/clip.ts";
export type { VideoFormat, VideoFrame, VideoInfo } from "./video/types.ts";
export {
  encodeVideo,
  isVideo,
  openVideo,
  type ReadVideoOptions,
  readVideo,
  VIDEO_FORMATS,
  type Video,
  type WriteVideoOptions,
  writeVideo,
} from "./video/video.ts";
