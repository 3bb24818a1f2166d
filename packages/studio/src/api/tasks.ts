import * as z from "zod";

/** A JSON Schema, draft 2020-12. */
const jsonSchema = z.record(z.string(), z.unknown());

export const medium = z.enum(["image", "audio", "video", "text", "documents"]);

/** One thing a system does for a user. */
export const taskInfo = z
  .object({
    name: z.string().meta({ example: "image-classification" }),
    command: z.string().meta({
      description: "One word: `tessera classify`, `POST /api/classify`, `#/classify`",
      example: "classify",
    }),
    title: z.string(),
    summary: z.string().meta({ description: "One sentence" }),
    accepts: z.array(medium).min(1),
    request: jsonSchema.meta({ description: "JSON Schema of the options, without input and models" }),
    answer: jsonSchema.meta({ description: "JSON Schema of one checkpoint's result" }),
    metrics: z.record(z.string(), z.object({ label: z.string(), better: z.enum(["more", "less"]) })),
  })
  .meta({ id: "TaskInfo" });

export const tasksAnswer = z.object({ tasks: z.array(taskInfo) });

/** How far a long request is: the data of a `progress` event. */
export const taskProgress = z.object({
  what: z.string(),
  done: z.number(),
  total: z.number(),
  preview: z.string().optional().meta({ description: "A data: URL of an image" }),
});

/** One checkpoint's result: the data of an `answer` event. The task's `answer` schema describes the rest. */
export const taskResult = z.looseObject({ model: z.string() });

export const taskAnswer = z.object({ results: z.array(taskResult) });

export type Medium = z.infer<typeof medium>;
export type TaskInfo = z.infer<typeof taskInfo>;
export type TaskProgress = z.infer<typeof taskProgress>;
export type TaskResult = z.infer<typeof taskResult>;
