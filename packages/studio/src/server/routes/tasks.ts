import * as z from "zod";
import { classification, classifyRequest, type TaskInfo, tasksAnswer } from "../../api/index.ts";
import { type App, describe } from "./describe.ts";

const imageClassification: TaskInfo = {
  name: "image-classification",
  command: "classify",
  title: "Image classification",
  summary: "Says what a picture shows, by networks from 1989 to today, side by side.",
  accepts: ["image"],
  request: schemaOf(classifyRequest.omit({ image: true, input: true, tolerant: true, models: true })),
  answer: schemaOf(classification),
  metrics: {
    top1: { label: "Top-1 accuracy", better: "more" },
    top5: { label: "Top-5 accuracy", better: "more" },
  },
};

/** What the systems of this server do. */
export function taskRoutes(app: App): void {
  const answer = tasksAnswer.parse({ tasks: [imageClassification] });
  describe(app, {
    method: "get",
    path: "/api/tasks",
    tag: "tasks",
    summary: "Every task: what goes in, its options and what comes out",
    answer: tasksAnswer,
  });
  app.get("/api/tasks", (c) => c.json(answer));
  // A page that computes by itself reads this; a static host has the same list as a file.
  app.get("/models/tasks.json", (c) => c.json(answer));
}

/** Made again without its name, which would turn the schema into a reference. */
function schemaOf({ shape }: z.ZodObject): Record<string, unknown> {
  return { ...z.toJSONSchema(z.object(shape), { io: "input" }) };
}
