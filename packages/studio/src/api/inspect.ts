import * as z from "zod";
import { pictureFields, rectangle } from "./classify.ts";

const model = z.string().min(1).meta({ description: "The name of a checkpoint" });
const part = z.string().min(1).meta({ description: "One of the model's parts" });

/** A picture inside an answer. */
const png = z.string().meta({ description: "A data: URL of a PNG" });

export const featuresRequest = z
  .strictObject({ ...pictureFields, model, part, limit: z.int().min(1).max(256).default(32) })
  .meta({ id: "FeaturesRequest" });

/** What comes out of a part, each channel as a picture in colours, the strongest first. */
export const featuresAnswer = z.object({
  part: z.string(),
  shape: z.array(z.int()).meta({ description: "[C, H, W]" }),
  maps: z.array(
    z.object({
      channel: z.int(),
      low: z.number().meta({ description: "The value at the dark end of the colours" }),
      high: z.number(),
      png,
    }),
  ),
});

export const gradcamRequest = z
  .strictObject({
    ...pictureFields,
    model,
    class: z.int().min(0).optional().meta({ description: "Index; default the most probable class" }),
    part: part.optional().meta({ description: "Default the last part with a map" }),
  })
  .meta({ id: "GradcamRequest" });

/** Where the network looked for a class. */
export const gradcamAnswer = z.object({
  class: z.int(),
  label: z.string(),
  probability: z.number(),
  heat: png.meta({ description: "The part of the picture that the network saw, with the heat over it" }),
  map: png.meta({ description: "The heat alone, grey, as large as the network's map" }),
  seen: rectangle,
});

export const attentionRequest = z.strictObject({ ...pictureFields, model }).meta({ id: "AttentionRequest" });

/** What the class token of a Vision Transformer looks at, block by block. */
export const attentionAnswer = z.object({
  blocks: z.array(z.object({ block: z.int(), heads: z.array(png), mean: png })),
  rollout: png.meta({ description: "All blocks multiplied, over the picture that the network saw" }),
  seen: rectangle,
});

export const receptiveFieldRequest = z.strictObject({ model, part }).meta({ id: "ReceptiveFieldRequest" });

/** How much each pixel of the input moves the unit in the middle of a part. */
export const receptiveFieldAnswer = z.object({
  png,
  size: z.int().meta({ description: "Side of the input, and so of the picture" }),
});

export type FeaturesRequest = z.input<typeof featuresRequest>;
export type FeaturesAnswer = z.infer<typeof featuresAnswer>;
export type GradcamRequest = z.input<typeof gradcamRequest>;
export type GradcamAnswer = z.infer<typeof gradcamAnswer>;
export type AttentionRequest = z.input<typeof attentionRequest>;
export type AttentionAnswer = z.infer<typeof attentionAnswer>;
export type ReceptiveFieldRequest = z.input<typeof receptiveFieldRequest>;
export type ReceptiveFieldAnswer = z.infer<typeof receptiveFieldAnswer>;
