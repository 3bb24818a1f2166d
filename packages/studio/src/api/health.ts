import * as z from "zod";

export const healthAnswer = z.object({
  status: z.literal("ok"),
  waiting: z.int().meta({ description: "Requests queued for a worker or processed by it" }),
  training: z.string().nullable().meta({ description: "The id of the training run in progress" }),
});

export type HealthAnswer = z.infer<typeof healthAnswer>;
