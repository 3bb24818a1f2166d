/**
 * Checks against reference implementations: parameters and inputs by formula, probes of outputs, and a
 * runner. Runs on Node and in browsers.
 *
 * @packageDocumentation
 */
export * from "./fill.ts";
export * from "./probe.ts";
export * from "./read.ts";
export * from "./run.ts";
