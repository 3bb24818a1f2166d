/** What image classification lists: networks, published checkpoints, data sets. */
import { datasetRecords } from "./data/records.ts";

export { networks } from "./networks/index.ts";
export { publishedRecords as records } from "./records/published.ts";

export const data = datasetRecords();
