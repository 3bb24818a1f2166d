import * as z from "zod";

export const healthAnswer = z.object({
  status: z.literal("ok"),
  waiting: z.int().meta({ description: "Requests that wait for the worker or are in it" }),
  training: z.string().nullable().meta({ description: "The run that is going on" }),
});

export type HealthAnswer = z.infer<typeof healthAnswer>;
