/** The networks, published checkpoints and data sets of image classification. */
import { datasetRecords } from "./data/records.ts";

export { networks } from "./networks/index.ts";
export { publishedRecords as records } from "./records/published.ts";

export const data = datasetRecords();
