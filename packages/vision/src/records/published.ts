/** Checkpoints published by others, as plain data. */
import { cifarRecords, huggingFaceRecords, tensorflowRecords } from "./others.ts";
import type { ClassifierRecord } from "./record.ts";
import { timmRecords } from "./timm.ts";
import { torchvisionRecords } from "./torchvision.ts";

/** Best first: a bare network name refers to its first record. */
export const publishedRecords: readonly ClassifierRecord[] = [
  ...torchvisionRecords,
  ...timmRecords,
  ...huggingFaceRecords,
  ...cifarRecords,
  ...tensorflowRecords,
];
