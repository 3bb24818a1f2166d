import * as z from "zod";

export const recipeInfo = z
  .object({
    name: z.string(),
    title: z.string(),
    paper: z.string(),
    task: z.string().meta({ description: "The name of a task" }),
    network: z.string(),
    dataset: z.string(),
    epochs: z.int(),
    data: z.enum(["here", "absent"]).meta({
      description:
        "Whether its data set is on this machine; `tessera data get DATASET` downloads it, or says where to put it",
    }),
    minutes: z.number().meta({ description: "Duration of a full run, measured on two cores" }),
    expected: z.object({
      metric: z.string(),
      label: z.string().optional(),
      unit: z.string().optional(),
      atLeast: z.number().optional(),
      atMost: z.number().optional(),
      published: z.string().optional(),
    }),
  })
  .meta({ id: "RecipeInfo" });

export const recipesAnswer = z.object({ recipes: z.array(recipeInfo) });

export const trainRequest = z
  .strictObject({
    recipe: z.string().min(1),
    epochs: z.int().min(1).max(1000).optional(),
    samples: z.int().min(1).optional().meta({ description: "Train on only this many, for a quick look" }),
  })
  .meta({ id: "TrainRequest", example: { recipe: "lecun1989", epochs: 2, samples: 1000 } });

export const trainAnswer = z.object({ id: z.string() }).meta({ example: { id: "3f9a1c07" } });

/** NaN and infinity, which JSON lacks, are null. */
const real = z.number().nullable();

/** An event of a run, sent as the `data:` of a server-sent event whose `event:` is its type. */
export const trainEvent = z
  .discriminatedUnion("type", [
    z.object({
      type: z.literal("start"),
      id: z.string(),
      recipe: z.string(),
      epochs: z.int(),
      samples: z.int().optional(),
    }),
    z.object({
      type: z.literal("step"),
      step: z.int(),
      steps: z.int(),
      epoch: z.number(),
      loss: real,
      stepsPerSecond: z.number(),
      secondsLeft: real,
    }),
    z.object({
      type: z.literal("evaluation"),
      epoch: z.number(),
      figures: z.record(z.string(), real).meta({ description: "By name, on the test set" }),
    }),
    z.object({
      type: z.literal("done"),
      stopped: z.boolean().meta({ description: "Whether it was stopped early" }),
      figures: z.record(z.string(), real).optional(),
      seconds: z.number().optional(),
      passed: z
        .boolean()
        .optional()
        .meta({ description: "Whether it reached the expected result; absent if the run was shortened" }),
      model: z.string().optional().meta({ description: "The checkpoint name of the trained network" }),
    }),
    z.object({ type: z.literal("error"), message: z.string() }),
  ])
  .meta({ id: "TrainEvent" });

/** The runs since the server started, newest first. */
export const runsAnswer = z.object({
  runs: z.array(
    z.object({
      id: z.string(),
      recipe: z.string(),
      state: z.enum(["running", "done", "stopped", "failed"]),
    }),
  ),
});

export type RecipeInfo = z.infer<typeof recipeInfo>;
export type RecipesAnswer = z.infer<typeof recipesAnswer>;
export type TrainRequest = z.input<typeof trainRequest>;
export type TrainAnswer = z.infer<typeof trainAnswer>;
export type TrainEvent = z.infer<typeof trainEvent>;
export type RunsAnswer = z.infer<typeof runsAnswer>;
