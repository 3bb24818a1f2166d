/**
 * Looks inside a classifier: layers and their cost, outputs of its parts, and where it looked.
 * Runs on Node and in browsers.
 *
 * @packageDocumentation
 */
export { type LayerProfile, type PartShape, partShapes, profile } from "@tessera-ml/nn/inspect";
export { type Attention, attention, hasAttention } from "./attention.ts";
export { gradCam } from "./grad-cam.ts";
export { featureMaps } from "./maps.ts";
export { effectiveReceptiveField } from "./receptive-field.ts";
