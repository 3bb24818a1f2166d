/** What image classification lists: networks, published checkpoints, data sets. */
import { datasetRecords } from "./data/records.ts";

export { publishedRecords as records } from "./records/published.ts";
export { networks } from "./registry.ts";

export const data = datasetRecords();
