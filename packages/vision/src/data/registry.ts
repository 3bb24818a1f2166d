/** Data sets by name. Node only. */
import { type DatasetState, datasetStates, unknownName } from "@tessera-ml/hub";
import type { ImageDataset } from "./record.ts";
import { datasetRecords, records } from "./records.ts";

/** Data sets stored as arrays. */
export type DatasetName = Exclude<keyof typeof records, "imagenet-sample">;
/** Array type of a data set's pixels. */
export type PixelsOf<N extends DatasetName> = (typeof records)[N]["pixels"] extends "float32"
  ? Float32Array<ArrayBuffer>
  : Uint8Array<ArrayBuffer>;

/** The data set called `name`. Throws `unknown-name` with the closest names. */
export function findDataset(name: string): ImageDataset {
  const wanted = name.trim().toLowerCase();
  const found = datasetRecords().find((record) => record.name === wanted);
  if (found) return found;
  throw unknownName("data set", name, Object.keys(records), "tessera data list");
}

/** Every data set and its location on this machine. */
export async function listDatasets(): Promise<DatasetState<ImageDataset>[]> {
  return await datasetStates(datasetRecords());
}
