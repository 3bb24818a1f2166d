/** Records of checkpoints of any task, for Node and browsers (`@tessera-ml/hub/records`). */
import * as z from "zod";
import { HubError } from "./error.ts";

/** One file of a checkpoint. */
export interface FileRecord {
  /** file name in the checkpoint's folder */
  readonly file: string;
  readonly url?: string | undefined;
  /** path under the shared data folder, for files without a public URL */
  readonly shared?: string | undefined;
  /** bytes */
  readonly size?: number | undefined;
  /** as published, rounded: for display, not for verification */
  readonly sizeMiB?: number | undefined;
  readonly sha256?: string | undefined;
  /** the first digits of the SHA-256, from the file's own name */
  readonly shaPrefix?: string | undefined;
}

/**
 * One named checkpoint. Anything not published or measured is absent, never guessed. Each task extends this with
 * fields of its own.
 */
export interface CheckpointRecord {
  /** `architecture.tag`, as timm writes it: `resnet50.tv_in1k_v2` */
  readonly name: string;
  /** other names people look for: `depth_anything_v2_small`; case, and `-` for `_`, do not matter */
  readonly aliases?: readonly string[] | undefined;
  /** what the checkpoint does: `image-classification` */
  readonly task: string;
  /** the network's name in its source: what to build before loading the file */
  readonly network: string;
  /** whose parameter names the file uses: `torchvision`, `timm`, `huggingface`, `tessera`, … */
  readonly source: string;
  /** the file to open, followed by its shards or side files */
  readonly files: readonly [FileRecord, ...FileRecord[]];
  /** SPDX identifier of the licence the files are published under */
  readonly licence: string;
  /** learned parameters, counted without parts that only training needs */
  readonly params?: number | undefined;
  /** the paper or page it comes from */
  readonly reference: string;
  /** anything else a reader should know */
  readonly note?: string | undefined;
  /** as published or measured: metrics by name, on one data set */
  readonly evaluation?:
    | { readonly dataset: string; readonly metrics: Readonly<Record<string, number>> }
    | undefined;
}

const hex = (digits: string) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const positive = z.number().positive();
const text = z.string().min(1);

const fileSchema = z.strictObject({
  file: z.string().regex(/^\w[\w.-]*$/, "expected a file name"),
  url: z.url().optional(),
  shared: z.string().optional(),
  size: positive.int().optional(),
  sizeMiB: positive.optional(),
  sha256: hex("64").optional(),
  shaPrefix: hex("8,64").optional(),
});

const general = {
  name: z.string().regex(/^[a-z0-9_]+\.[a-z0-9_]+$/, "expected architecture.tag in lower case"),
  aliases: z.array(text).optional(),
  task: z.string().regex(/^[a-z0-9-]+$/, "expected words in lower case, joined by hyphens"),
  network: text,
  source: text,
  files: z
    .tuple([fileSchema], fileSchema)
    .refine((files) => new Set(files.map(({ file }) => file)).size === files.length, "duplicate file names"),
  licence: text,
  params: positive.int().optional(),
  reference: text,
  note: z.string().optional(),
  evaluation: z.strictObject({ dataset: text, metrics: z.record(z.string(), z.number()) }).optional(),
};

/** The general part of every record; other fields belong to its task and are kept unchecked. */
const checkpointSchema: z.ZodType<CheckpointRecord> = z.looseObject(general);

/** The strict schema for records of a task: the general fields, extended or overridden by `own`. */
export function recordSchema<Own extends z.ZodRawShape>(
  own: Own,
): z.ZodType<CheckpointRecord & z.infer<z.ZodObject<Own>>> {
  return z.strictObject({ ...general, ...own }) as never;
}

/**
 * Reads a `record.json` of any task: checks the general fields and keeps the others. Throws `bad-data` naming the
 * file `where` and the field.
 */
export function parseRecord(json: string, where: string): CheckpointRecord {
  return parseRecordAs(checkpointSchema, json, where);
}

/**
 * Like {@link parseRecord}, with the schema of a task ({@link recordSchema}).
 *
 * @param json the text of a `record.json`, or a record whose general fields have been parsed
 */
export function parseRecordAs<T extends CheckpointRecord>(
  schema: z.ZodType<T>,
  json: string | CheckpointRecord,
  where: string,
): T {
  try {
    return schema.parse(typeof json === "string" ? JSON.parse(json) : json);
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new HubError("bad-data", `${where}: not a valid checkpoint record\n${why}`, { cause: error });
  }
}
