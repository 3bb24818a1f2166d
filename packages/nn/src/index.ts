/**
 * Modules and layers, initializers, losses, optimizers, schedules, the training loop and checkpoint files.
 *
 * @packageDocumentation
 */
export * from "./files/index.ts";
export * as init from "./init.ts";
export * from "./layers/index.ts";
export * from "./losses.ts";
export { type LoadOptions, Module } from "./module.ts";
export * from "./optim/index.ts";
export * from "./train/index.ts";
export type { Pattern } from "./tree.ts";
