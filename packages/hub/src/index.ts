/**
 * `@tessera-ml/hub`: a registry of models and data sets, with resumable, verified downloads and a cache. Runs on Node.
 */

export {
  type CacheEntry,
  type CacheKind,
  cacheSize,
  listCache,
  removeCached,
  verifyCached,
} from "./cache.ts";
export { type DatasetState, dataCachePath, getDataset, listDatasets } from "./data/files.ts";
export {
  type LoadedDataset,
  type LoadOptions,
  loadDataset,
  loadPhotographs,
  type Photograph,
} from "./data/load.ts";
export type {
  DataFile,
  DatasetRecord,
  Form,
  PhotographsRecord,
  Samples,
  SamplesRecord,
  Split,
} from "./data/record.ts";
export { type DatasetName, datasetRecords, findDataset, type PixelsOf } from "./data/registry.ts";
export { byHand, type Downloaded, type DownloadOptions, download } from "./download.ts";
export { cacheRoot, isOffline, mirrored, sharedFile, shippedRoot } from "./environment.ts";
export { HubError, type HubErrorCode } from "./error.ts";
export { formatBytes, writeAtomic } from "./files.ts";
export { withFileLock } from "./lock.ts";
export {
  type LocalModel,
  localModel,
  locateModel,
  modelCachePath,
  type PullOptions,
  pullModel,
  requireModel,
} from "./models/pull.ts";
export type { CheckpointRecord, Classes, DigitLayout, Preprocessing } from "./models/record.ts";
export { findModel, modelRecords } from "./models/registry.ts";
export { readRecord, shipModel, shippedRecords } from "./models/shipped.ts";
export { unknownName } from "./names.ts";
export type { Progress, ReportProgress } from "./progress.ts";
export { acceptFile, type Expectation, sha256File, type Verified, verifyFile } from "./verify.ts";
