/** What promptable segmentation lists: networks, published checkpoints. */
import type { DatasetRecord } from "@tessera-ml/hub";

export { networks } from "./networks/index.ts";
export { records } from "./records.ts";

export const data: readonly DatasetRecord[] = [];
