/**
 * Pairs of images and perfect depth, rendered from random scenes: what synthetic training sets are made of. Runs on
 * Node and in browsers, except for `renderPairs`.
 *
 * @packageDocumentation
 */
export { type Material, PATTERNS, type Pattern, type Rgb } from "./material.ts";
export { type RenderedPair, type RenderOptions, renderPair, renderSheet, renderView } from "./render.ts";
export { type Form, Shape, type ShapeOptions } from "./shape.ts";
export { type RenderPairsOptions, renderPairs } from "./threads.ts";
export type { Light, Scene, Sky, View } from "./trace.ts";
