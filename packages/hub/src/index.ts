/**
 * `@tessera-ml/hub`: records of checkpoints and data sets, and their files: resumable, verified downloads and a
 * cache. Runs on Node.
 */

import "./node-version.ts";

export {
  type CacheEntry,
  type CacheKind,
  cacheSize,
  listCache,
  removeCached,
  verifyCached,
} from "./cache.ts";
export {
  checkpointCachePath,
  type LocalCheckpoint,
  type LocatedCheckpoint,
  localCheckpoint,
  locateCheckpoint,
  type PullOptions,
  pullCheckpoint,
  requireCheckpoint,
} from "./checkpoint.ts";
export { countOf, type DataFile, type DatasetRecord, type Form } from "./data-record.ts";
export {
  type DatasetState,
  dataCachePath,
  datasetStates,
  getDataset,
  type LocalDataFile,
  type LocalForm,
  requireForm,
} from "./dataset-files.ts";
export { byHand, type Downloaded, type DownloadOptions, download } from "./download.ts";
export { cacheRoot, isOffline, mirrored, sharedFile, shippedRoot } from "./environment.ts";
export { HubError, type HubErrorCode } from "./error.ts";
export { formatBytes, statFile, writeAtomic } from "./files.ts";
export { withFileLock } from "./lock.ts";
export { closest, unknownName } from "./names.ts";
export { Meter, type Progress, type ReportProgress } from "./progress.ts";
export {
  type CheckpointRecord,
  type FileRecord,
  parseRecord,
  parseRecordAs,
  recordSchema,
} from "./record.ts";
export { readRecord, readRecordAs, shipCheckpoint, shippedRecords, shippedRecordsOf } from "./shipped.ts";
export { acceptFile, type Expectation, sha256File, type Verified, verifyFile } from "./verify.ts";
