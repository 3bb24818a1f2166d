export { type Box, boxMasks, cutmixImages, cutmixLoss, randomBox } from "./cutmix.ts";
export { featureAlignment } from "./feature-alignment.ts";
export { type GradientMatchingOptions, gradientMatching } from "./gradient-matching.ts";
export type { Masked, Pooled } from "./maps.ts";
export { leastSquaresPerImage, type NormalizeOptions, normalizeMaps } from "./normalize.ts";
export {
  depthAnythingV2Loss,
  type ScaleShiftOptions,
  type SsiMaeOptions,
  ssiMae,
  ssiMse,
  ssiTrim,
} from "./scale-shift.ts";
export { type SilogOptions, silog, ZOE_SILOG } from "./silog.ts";
