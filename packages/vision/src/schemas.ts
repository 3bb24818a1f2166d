/** Request and response schemas of image classification. */

import type { OperationSchema } from "@tessera-ml/kit";
import * as z from "zod";
import { classifierSchema } from "./records/record.ts";

export const request = z.strictObject({
  top: z
    .int()
    .min(1)
    .max(1001)
    .default(5)
    .meta({ description: "classes shown for each picture", short: "t" }),
});

export const open = z.strictObject({
  classes: z
    .int()
    .min(1)
    .optional()
    .meta({ description: "number of classes of a checkpoint file (default: taken from its head)" }),
  labels: z.string().optional().meta({
    description: "file with the names of the classes: one per line, a JSON array, or JSON {index: name}",
  }),
});

export const record = classifierSchema;

const prediction = z.object({ index: z.int(), label: z.string(), probability: z.number() });

const rectangle = z
  .object({ left: z.number(), top: z.number(), width: z.number(), height: z.number() })
  .meta({ description: "In image pixels; may extend beyond the edges" });

export const answer = z
  .object({
    model: z.string().meta({ description: "The checkpoint" }),
    predictions: z.array(prediction).meta({ description: "Most probable first" }),
    milliseconds: z.number().meta({ description: "Time spent in the network" }),
    image: z.object({ width: z.int(), height: z.int() }),
    seen: rectangle.meta({ description: "The part of the image that the network saw" }),
  })
  .meta({
    id: "Classification",
    example: {
      model: "cifar_resnet20.tessera",
      predictions: [{ index: 3, label: "cat", probability: 0.93 }],
      milliseconds: 2.4,
      image: { width: 640, height: 480 },
      seen: { left: 80, top: 0, width: 480, height: 480 },
    },
  });

const part = z.string().min(1).meta({ description: "One of the network's parts" });
const png = z.string().meta({ description: "A data: URL of a PNG", format: "data-url" });

const features = {
  path: "inspect/features",
  summary: "The output of a part of the network, channel by channel",
  input: true,
  request: z.strictObject({ part, limit: z.int().min(1).max(256).default(32) }),
  answer: z.object({
    part: z.string(),
    shape: z.array(z.int()).meta({ description: "[C, H, W]" }),
    maps: z
      .array(
        z.object({
          channel: z.int(),
          low: z.number().meta({ description: "The value at the dark end of the colour scale" }),
          high: z.number(),
          png,
        }),
      )
      .meta({ description: "Strongest channel first" }),
  }),
} satisfies OperationSchema;

const gradcam = {
  path: "inspect/gradcam",
  summary: "Where the network looked for a class (Grad-CAM)",
  input: true,
  request: z.strictObject({
    class: z.int().min(0).optional().meta({ description: "Index; default: the most probable class" }),
    part: part.optional().meta({ description: "Default: the last part with a map" }),
  }),
  answer: z.object({
    class: z.int(),
    label: z.string(),
    probability: z.number(),
    heat: png.meta({ description: "The part of the image that the network saw, under the heat map" }),
    map: png.meta({ description: "The heat map alone, in grey, at the network's resolution" }),
    seen: rectangle,
  }),
} satisfies OperationSchema;

const attention = {
  path: "inspect/attention",
  summary: "What the class token of a Vision Transformer attends to",
  input: true,
  request: z.strictObject({}),
  answer: z.object({
    blocks: z.array(z.object({ block: z.int(), heads: z.array(png), mean: png })),
    rollout: png.meta({
      description: "Attention rollout over all blocks, on the part of the image that was seen",
    }),
    seen: rectangle,
  }),
} satisfies OperationSchema;

const receptiveField = {
  path: "inspect/receptive-field",
  summary: "How strongly each input pixel influences the unit at the centre of a part",
  input: false,
  request: z.strictObject({ part }),
  answer: z.object({ png, size: z.int().meta({ description: "Side of the input and of the PNG" }) }),
} satisfies OperationSchema;

export const operations = { features, gradcam, attention, receptiveField };

export type FeaturesAnswer = z.infer<typeof features.answer>;
export type GradcamAnswer = z.infer<typeof gradcam.answer>;
export type AttentionAnswer = z.infer<typeof attention.answer>;
export type ReceptiveFieldAnswer = z.infer<typeof receptiveField.answer>;

/** What `POST /api/classify` answers: one classification per checkpoint. */
export const results = z.object({ results: z.array(answer) });
