export { Adam, type AdamOptions, AdamW } from "./adam.ts";
export { EMA } from "./ema.ts";
export { clipGradNorm, clipGradValue, GradientAccumulator, gradientNorm, mapGradients } from "./gradients.ts";
export { Muon, type MuonOptions } from "./muon.ts";
export { orthogonalized } from "./newton-schulz.ts";
export { type CommonOptions, type Group, type Grouped, Optimizer } from "./optimizer.ts";
export type { Schedule } from "./schedules.ts";
export * as schedules from "./schedules.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
