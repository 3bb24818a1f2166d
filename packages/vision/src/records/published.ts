/** Checkpoints that others publish: plain data. */
import { cifarRecords, huggingFaceRecords, tensorflowRecords } from "./others.ts";
import type { ClassifierRecord } from "./record.ts";
import { timmRecords } from "./timm.ts";
import { torchvisionRecords } from "./torchvision.ts";

/** Best first: the name of a network means its first record. */
export const publishedRecords: readonly ClassifierRecord[] = [
  ...torchvisionRecords,
  ...timmRecords,
  ...huggingFaceRecords,
  ...cifarRecords,
  ...tensorflowRecords,
];
