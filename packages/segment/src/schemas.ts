/** Requests and answers of promptable segmentation. */
import * as z from "zod";
import { BOX, POINT } from "./prompts.ts";
import { segmentSchema } from "./records.ts";
import { STYLES } from "./result.ts";

const points = z.array(z.string().regex(POINT, "expected x,y, for example 320,240, or name=x,y"));

export const request = z.strictObject({
  point: points.optional().meta({
    description: "a point on an object, x,y in pixels; name=x,y where there are several objects",
  }),
  not: points.optional().meta({ description: "a point that is not on the object, x,y or name=x,y" }),
  box: z
    .array(z.string().regex(BOX, "expected left,top,right,bottom, or name=left,top,right,bottom"))
    .optional()
    .meta({ description: "a box around an object, left,top,right,bottom or name=left,top,right,bottom" }),
  multimask: z
    .boolean()
    .optional()
    .meta({ description: "three guesses for each object: a prompt may mean a part or the whole" }),
  refine: z
    .boolean()
    .optional()
    .meta({ description: "say the points one after another, each with the answer to those before" }),
  everything: z.boolean().optional().meta({ description: "masks of everything in the picture" }),
  pointsPerSide: z
    .int()
    .min(1)
    .max(128)
    .optional()
    .meta({ description: "with everything: clicks along each side (default: 32)" }),
  predIouThresh: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .meta({ description: "with everything: least estimated IoU (default: 0.8, of SAM 0.88)" }),
  stabilityScoreThresh: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .meta({ description: "with everything: least stability (default: 0.95)" }),
  cropNLayers: z
    .int()
    .min(0)
    .max(3)
    .optional()
    .meta({ description: "with everything: layers of crops that are looked at as well (default: 0)" }),
  minMaskRegionArea: z
    .int()
    .min(0)
    .max(1e6)
    .optional()
    .meta({ description: "with everything: holes and islands of fewer pixels go (default: 0)" }),
  style: z.enum(STYLES).optional().meta({
    description:
      "what pictures show (default: the mask in .png files, of several objects the palette; else the overlay)",
  }),
  picture: z
    .boolean()
    .optional()
    .meta({ description: "whether JSON answers have a picture (default: true)" }),
});

/** It names a file, which only the command line may. */
export const local = z.strictObject({
  mask: z
    .string()
    .optional()
    .meta({ description: "a picture of the photograph's size, white where the first object is" }),
});

/** Options of opening a checkpoint. */
export const open = z.strictObject({
  side: z.int().min(64).max(1024).multipleOf(32).optional().meta({
    description:
      "side of SAM 2's square input, a multiple of 32: smaller is faster and less exact (default: 1024)",
  }),
});

export const record = segmentSchema;

const rle = z
  .object({
    size: z.tuple([z.int(), z.int()]).meta({ description: "[height, width]" }),
    counts: z.string(),
  })
  .meta({ description: "Run lengths as COCO has them" });

export const answer = z
  .object({
    model: z.string().meta({ description: "The checkpoint" }),
    width: z.int(),
    height: z.int(),
    objects: z.array(
      z.object({
        name: z.string(),
        masks: z
          .array(
            z.object({
              segmentation: rle,
              area: z.int().meta({ description: "Pixels of the object" }),
              bbox: z
                .tuple([z.number(), z.number(), z.number(), z.number()])
                .meta({ description: "[left, top, width, height]" }),
              iou: z.number().meta({ description: "How good the network thinks the mask is" }),
              stability: z.number().optional().meta({
                description: "How little the mask changes with the threshold; absent for empty masks",
              }),
            }),
          )
          .meta({ description: "The likeliest first: one, or three with `multimask`" }),
      }),
    ),
    milliseconds: z.object({
      encoder: z.number().meta({ description: "0 if the picture was encoded before" }),
      prompts: z.number(),
    }),
    png: z
      .string()
      .optional()
      .meta({ description: "A data: URL of a PNG of the objects", format: "data-url" }),
  })
  .meta({ id: "Segmentation" });

export type SegmentAnswer = z.infer<typeof answer>;
