export {
  arrays,
  type Dataset,
  type HostArray,
  type HostBatch,
  type Random,
  type Sample,
  samples,
} from "./dataset.ts";
export {
  type BestOptions,
  type CheckpointOptions,
  type Every,
  type FitOptions,
  type FitResult,
  fit,
  type Updates,
} from "./fit.ts";
export { type Batches, DataLoader, type DataLoaderOptions, type Tensors } from "./loader.ts";
export type { Metrics, MetricsLine } from "./metrics.ts";
export type { ProgressReport } from "./progress.ts";
