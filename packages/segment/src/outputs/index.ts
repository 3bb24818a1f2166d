/**
 * Masks and their encodings without the networks, for pages.
 *
 * @packageDocumentation
 */
export { type Mask, maskArea, maskBox } from "../mask.ts";
export { decodeRle, encodeRle, type Rle, rleFromString, rleToString } from "../rle.ts";
export { cocoFile, type ObjectJson, objectsAsJson } from "./coco.ts";
export { cutOut, overlay, palette, together } from "./pictures.ts";
