/**
 * Results of depth estimation as values, pictures, surfaces and files. Runs on Node and in browsers; small enough for a
 * page that asks others to run the network.
 *
 * @packageDocumentation
 */
export type { KnownPoint } from "../align.ts";
export {
  type CommonResult,
  type DepthResult,
  type MetricDepth,
  type RelativeDepth,
  relativeDepth,
} from "../result.ts";
export { type CompactValues, compactValues, readCompact } from "./compact.ts";
export { encodeGlb, type Mesh, meshOf } from "./glb.ts";
export { encodePfm } from "./pfm.ts";
export { deepPng } from "./pictures.ts";
export { encodePly } from "./ply.ts";
export { mapOf } from "./values.ts";
