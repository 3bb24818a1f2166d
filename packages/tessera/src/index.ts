/**
 * The front door: any system's checkpoint as a function, typed by its task.
 *
 * @example
 * const classify = await pipeline("image-classification", "resnet50");
 * const { predictions } = await classify("cat.jpg");
 *
 * @packageDocumentation
 */
export type { Outcome, Pipeline, PipelineOptions } from "@tessera-ml/kit";
export { type PipelineOf, pipeline, type TaskName } from "./pipeline.ts";
export { systems } from "./systems.ts";
