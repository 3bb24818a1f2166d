import * as z from "zod";
import { uploadText } from "./uploads.ts";

/** A JSON Schema, draft 2020-12. */
const jsonSchema = z.record(z.string(), z.unknown());

export const medium = z.enum(["image", "audio", "video", "text", "documents"]);

/** A task, as the page needs to know it. */
export const taskInfo = z
  .object({
    name: z.string().meta({ example: "image-classification" }),
    command: z.string().meta({
      description: "One word: `tessera classify`, `POST /api/classify`, `#/classify`",
      example: "classify",
    }),
    title: z.string(),
    summary: z.string().meta({ description: "One sentence" }),
    accepts: z.array(medium),
    checkpoints: z.string().meta({ description: "The task whose checkpoints it uses; usually its own name" }),
    request: jsonSchema.meta({ description: "JSON Schema of the options, without input and models" }),
    answer: jsonSchema.meta({ description: "JSON Schema of one checkpoint's result" }),
    metrics: z.record(
      z.string(),
      z.object({
        label: z.string(),
        unit: z.string().optional(),
        better: z.enum(["more", "less"]),
        digits: z.int().optional(),
      }),
    ),
  })
  .meta({ id: "TaskInfo" });

export const tasksAnswer = z.object({ tasks: z.array(taskInfo) });

/** Progress of a long request: the data of a `progress` event. */
export const taskProgress = z.object({
  what: z.string(),
  done: z.number(),
  total: z.number(),
  preview: z.unknown().optional().meta({ description: "The answer so far, or a data: URL of an image" }),
});

/** One checkpoint's result: the data of an `answer` event. The task's `answer` schema describes the rest. */
export const taskResult = z.looseObject({ model: z.string() });

export const taskAnswer = z.object({ results: z.array(taskResult) });

/** An event of a request in progress. */
export type TaskEvent =
  | { readonly type: "progress"; readonly data: TaskProgress }
  | { readonly type: "answer"; readonly data: Readonly<Record<string, unknown>> };

/**
 * The fields of a request that may hold its input; exactly one must be set. URLs are rejected: the server fetches
 * nothing on behalf of clients.
 */
export function mediaFields(accepts: readonly Medium[]): Record<string, z.ZodOptional<z.ZodString>> {
  if (accepts.length === 0) return {};
  const fields = accepts.map(
    (kind) => [kind, (kind === "text" ? plainText : inlineFile(kind)).optional()] as const,
  );
  return { ...Object.fromEntries(fields), input: uploadText.optional() };
}

const plainText = z.string().min(1).meta({ description: "The text" });

const FORMATS: Readonly<Record<Exclude<Medium, "text">, string>> = {
  image: "a JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP file",
  video: "an MP4 or WebM file",
  audio: "a WAV, FLAC, MP3, Ogg or M4A file",
  documents: "a document",
};

function inlineFile(kind: Exclude<Medium, "text">): z.ZodString {
  return z
    .string()
    .min(1)
    .meta({ description: `A data: URL or plain base64 of ${FORMATS[kind]}` });
}

export type Medium = z.infer<typeof medium>;
export type TaskInfo = z.infer<typeof taskInfo>;
export type TaskProgress = z.infer<typeof taskProgress>;
export type TaskResult = z.infer<typeof taskResult>;
