/**
 * The building blocks of every system: tasks, networks by name, checkpoints, pipelines.
 *
 * @packageDocumentation
 */
export { firstHere, openNamed, recordsOf } from "#open";
export { type Asked, type AskOptions, askAll } from "./ask.ts";
export { dataUrl, pngUrl } from "./data-url.ts";
export { KitError, type KitErrorCode, messageOf } from "./error.ts";
export {
  type MeasuredAll,
  type MeasureOptions,
  type Measuring,
  measureAll,
  spreadIndices,
} from "./evaluate.ts";
export { type DecodeOptions, decodeInput, type RawInput } from "./inputs.ts";
export * from "./networks/index.ts";
export { defaultOf, openNetwork } from "./open/network.ts";
export type { OpenedFile, Opener, OpenOptions } from "./open/types.ts";
export {
  answerEach,
  BATCH,
  type Outcome,
  type Pipeline,
  type PipelineOptions,
  pipelineOf,
  streamOf,
} from "./pipeline.ts";
export { figureOf, findRecord, MODEL, sizeOf } from "./records.ts";
export { type AnyOpened, answerAsJson, operate } from "./serve.ts";
export { Shelf } from "./shelf.ts";
export * from "./task.ts";
