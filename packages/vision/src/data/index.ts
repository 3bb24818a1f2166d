/**
 * The data sets that image classifiers are trained and evaluated on, and their readers. Node only.
 *
 * @packageDocumentation
 */

export {
  type LoadedDataset,
  loadDataset,
  loadPhotographs,
  type Photograph,
  type ReadDatasetOptions,
} from "./read.ts";
export type { ImageDataset, PhotographsRecord, Samples, SamplesRecord, Split } from "./record.ts";
export { datasetRecords } from "./records.ts";
export { type DatasetName, findDataset, listDatasets, type PixelsOf } from "./registry.ts";
