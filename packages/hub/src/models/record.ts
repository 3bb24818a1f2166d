/** What is known of a checkpoint, for Node and browsers (`@tessera-ml/hub/records`). */
import type { Preset } from "@tessera-ml/media";
import * as z from "zod";
import { HubError } from "../error.ts";
import type { Expectation } from "../verify.ts";

/** How a picture becomes the network's input: what `preprocess` of the media package is given. */
export type Preprocessing = Preset & {
  /** TensorFlow's way: this fraction of each side is first cut out of the middle. */
  readonly centralFraction?: number | undefined;
  /** For `digits`: how a digit lies in the picture that all else begins with. Default `mnist`. */
  readonly digit?: DigitLayout | undefined;
};

/**
 * `mnist`: in a box of 20x20, its centre of mass in the middle of 28x28; `usps`: as large as 16x16 allows.
 * Both keep the digit's proportions.
 */
export type DigitLayout = "mnist" | "usps";

/**
 * What the outputs mean. `imagenet-1k`: the 1,000 classes of ILSVRC in the order of their WordNet ids;
 * `imagenet-1k+background`: the same after one class for "none of them"; `digits`: 0 to 9; `cifar10`: see the data set.
 */
export interface Classes {
  count: number;
  labels: "imagenet-1k" | "imagenet-1k+background" | "cifar10" | "digits";
}

export const imagenet: Classes = { count: 1000, labels: "imagenet-1k" };

/** One checkpoint that has a name. What nobody published or measured is absent, never guessed. */
export interface CheckpointRecord {
  /** `architecture.tag`, as timm writes it: `resnet50.tv_in1k_v2` */
  name: string;
  family: string;
  /** the network's name in its source: what to build before the file is loaded */
  preset: string;
  /** whose parameter names the file uses */
  source: "torchvision" | "timm" | "huggingface" | "tensorflow" | "akamaster" | "tessera";
  /** file name */
  file: string;
  url?: string | undefined;
  /** where it lies under the shared data folder, for files without a public address */
  shared?: string | undefined;
  /** bytes */
  size?: number | undefined;
  /** as published, rounded: for people, not for verification */
  sizeMiB?: number | undefined;
  sha256?: string | undefined;
  /** the first digits of the SHA-256, from the file's own name */
  shaPrefix?: string | undefined;
  /** SPDX identifier of the licence the file is published under */
  licence: string;
  preprocessing: Preprocessing;
  classes: Classes;
  /** as published, in per cent, on the validation or test set, with this preprocessing */
  accuracy?: { dataset: string; top1: number; top5?: number | undefined } | undefined;
  /** learned parameters of the network as it classifies (GoogLeNet: without auxiliary heads) */
  params?: number | undefined;
  /** the paper or page it comes from */
  reference: string;
  /** what a reader should know besides */
  note?: string | undefined;
}

const hex = (digits: string) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const positive = z.number().positive();

const sides = z.tuple([positive.int(), positive.int()]);
/** Whatever is trained here is preprocessed as PIL does it. */
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

/** The same, for records that are read from files. */
export const checkpointSchema: z.ZodType<CheckpointRecord> = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]+\.[a-z0-9_]+$/, "expected architecture.tag in lower case"),
  family: z.string().min(1),
  preset: z.string().min(1),
  source: z.enum(["torchvision", "timm", "huggingface", "tensorflow", "akamaster", "tessera"]),
  file: z.string().regex(/^[\w.-]+$/, "expected a file name"),
  url: z.url().optional(),
  shared: z.string().optional(),
  size: positive.int().optional(),
  sizeMiB: positive.optional(),
  sha256: hex("64").optional(),
  shaPrefix: hex("8,64").optional(),
  licence: z.string().min(1),
  preprocessing: preprocessingSchema,
  classes: z.strictObject({
    count: positive.int(),
    labels: z.enum(["imagenet-1k", "imagenet-1k+background", "cifar10", "digits"]),
  }),
  accuracy: z
    .strictObject({
      dataset: z.string().min(1),
      top1: z.number().min(0).max(100),
      top5: z.number().min(0).max(100).optional(),
    })
    .optional(),
  params: positive.int().optional(),
  reference: z.string().min(1),
  note: z.string().optional(),
});

/** A record from the text of a `record.json`. Throws `bad-data` naming the file `where` it stands, and the field. */
export function parseRecord(json: string, where: string): CheckpointRecord {
  try {
    return checkpointSchema.parse(JSON.parse(json));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new HubError("bad-data", `${where}: no record of a checkpoint\n${why}`, { cause: error });
  }
}

/** What the file has to be. */
export function expectationOf(record: CheckpointRecord): Expectation {
  return { size: record.size, sha256: record.sha256, shaPrefix: record.shaPrefix };
}
