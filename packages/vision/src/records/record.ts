/** The record of a classifier's checkpoint. Runs on Node and in browsers. */
import { type CheckpointRecord, parseRecordAs, recordSchema } from "@tessera-ml/hub/records";
import type { Preset } from "@tessera-ml/media";
import * as z from "zod";

/** Metrics of a classifier, in per cent. */
export const metrics = {
  top1: { label: "top-1", unit: "%", better: "more" },
  top5: { label: "top-5", unit: "%", better: "more" },
} as const;

/** The task of all records in this package. */
export const TASK = "image-classification";

/** How an image becomes the network's input: options for `preprocess` of the media package. */
export type Preprocessing = Preset & {
  /** TensorFlow's way: first crops this fraction of each side from the centre. */
  readonly centralFraction?: number | undefined;
  /** For `digits`: the digit's layout within the image before preprocessing. Default `mnist`. */
  readonly digit?: DigitLayout | undefined;
};

/**
 * `mnist`: scaled into a 20x20 box, its centre of mass at the centre of 28x28; `usps`: as large as 16x16 allows.
 * Both keep the digit's aspect ratio.
 */
export type DigitLayout = "mnist" | "usps";

/**
 * Meaning of the outputs. `imagenet-1k`: the 1,000 classes of ILSVRC in the order of their WordNet ids;
 * `imagenet-1k+background`: the same after a background class; `digits`: 0 to 9; `cifar10`: see the data set.
 */
export interface Classes {
  count: number;
  labels: "imagenet-1k" | "imagenet-1k+background" | "cifar10" | "digits";
}

export const imagenet: Classes = { count: 1000, labels: "imagenet-1k" };

/**
 * A checkpoint of a classifier. `evaluation` has `top1` and optionally `top5`, in per cent, measured on the validation
 * or test set with this preprocessing.
 */
export interface ClassifierRecord extends CheckpointRecord {
  readonly preprocessing: Preprocessing;
  readonly classes: Classes;
}

const positive = z.number().positive();
const percent = z.number().min(0).max(100);
const sides = z.tuple([positive.int(), positive.int()]);
/** Everything trained here is preprocessed as PIL does it. */
const preprocessingSchema = z.strictObject({
  library: z.literal("pil"),
  interpolation: z.enum(["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]),
  resize: z.union([positive.int(), sides]).optional(),
  crop: sides.optional(),
  cropRounding: z.enum(["even", "down"]).optional(),
  mean: z.array(z.number()).min(1).max(3),
  std: z.array(positive).min(1).max(3),
  centralFraction: positive.max(1).optional(),
  digit: z.enum(["mnist", "usps"]).optional(),
});

/** Validates records read from files. */
export const classifierSchema: z.ZodType<ClassifierRecord> = recordSchema({
  task: z.literal(TASK),
  preprocessing: preprocessingSchema,
  classes: z.strictObject({
    count: positive.int(),
    labels: z.enum(["imagenet-1k", "imagenet-1k+background", "cifar10", "digits"]),
  }),
  evaluation: z
    .strictObject({
      dataset: z.string().min(1),
      metrics: z.strictObject({ top1: percent, top5: percent.optional() }),
    })
    .optional(),
});

/** Parses a classifier's `record.json`. Throws HubError `bad-data` naming the file `where` and the field. */
export function parseClassifierRecord(json: string, where: string): ClassifierRecord {
  return parseRecordAs(classifierSchema, json, where);
}

/** Top-1 and top-5 accuracy, in per cent. */
export interface Accuracy {
  readonly dataset: string;
  readonly top1: number;
  readonly top5?: number;
}

/** A record's accuracy; undefined if none was published or measured. */
export function accuracyOf({ evaluation }: CheckpointRecord): Accuracy | undefined {
  const { top1, top5 } = evaluation?.metrics ?? {};
  if (evaluation === undefined || top1 === undefined) return undefined;
  return { dataset: evaluation.dataset, top1, ...(top5 !== undefined && { top5 }) };
}

/** `evaluation` of a published checkpoint on ImageNet's validation set, in per cent. */
export function imagenetAccuracy(top1: number, top5?: number): NonNullable<CheckpointRecord["evaluation"]> {
  return { dataset: "imagenet-1k", metrics: { top1, ...(top5 !== undefined && { top5 }) } };
}
