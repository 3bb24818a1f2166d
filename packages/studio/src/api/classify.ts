import * as z from "zod";
import { uploadText } from "./uploads.ts";

/** A picture inside JSON. Addresses are refused: the server fetches nothing for anybody. */
export const imageText = z
  .string()
  .min(1)
  .meta({ description: "A data: URL or plain base64 of a JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP file" });

/** A request about a picture has an `image` or an `input`. */
export const pictureFields = {
  image: imageText.optional(),
  input: uploadText.optional(),
  tolerant: z.boolean().default(false).meta({
    description: "Read what is there of a picture that was cut short, instead of refusing it",
  }),
};

/** In a form, `models` is one field with commas, or several; `image` is the file. */
export const classifyRequest = z
  .strictObject({
    ...pictureFields,
    models: z.array(z.string().min(1)).min(1).max(16).optional().meta({
      description: "Names of checkpoints; default the best on this machine for photographs",
    }),
    top: z.int().min(1).max(1000).default(5).meta({ description: "How many classes to name" }),
  })
  .meta({
    id: "ClassifyRequest",
    example: {
      image:
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",
      models: ["cifar_resnet20.tessera"],
      top: 5,
    },
  });

export const prediction = z.object({
  index: z.int(),
  label: z.string(),
  probability: z.number(),
});

/** In pixels of the picture; it may reach over its edges. */
export const rectangle = z.object({
  left: z.number(),
  top: z.number(),
  width: z.number(),
  height: z.number(),
});

export const classification = z
  .object({
    model: z.string(),
    predictions: z.array(prediction).meta({ description: "The most probable first" }),
    milliseconds: z.number().meta({ description: "Of the network alone" }),
    image: z.object({ width: z.int(), height: z.int() }),
    seen: rectangle.meta({ description: "The part of the picture that the network saw" }),
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

/** In the order of the models asked for. */
export const classifyAnswer = z.object({ results: z.array(classification) });

export type ClassifyRequest = z.input<typeof classifyRequest>;
export type Prediction = z.infer<typeof prediction>;
export type Rectangle = z.infer<typeof rectangle>;
export type Classification = z.infer<typeof classification>;
export type ClassifyAnswer = z.infer<typeof classifyAnswer>;
