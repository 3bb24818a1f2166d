/**
 * Data sets of images with depth. Node only.
 *
 * @packageDocumentation
 */
export type { OrderedImage, OrderSet } from "./layouts/da2k.ts";
export { type FoundSets, LAYOUTS, openDepthSets } from "./layouts/index.ts";
export type { DepthSet, Protocol } from "./layouts/set.ts";
export {
  type OpenRgbdOptions,
  openRgbd,
  type RgbdFrame,
  type RgbdPair,
  type RgbdSet,
  readRgbd,
} from "./rgbd.ts";
export { type DepthSample, depthSample, type Frame } from "./sample.ts";
export { clearInvalid, type KnownUnits, parseUnits, readUnits, UNITS, type Units } from "./units.ts";
