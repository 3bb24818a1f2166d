/** Requests and answers of following objects through videos. */
import * as z from "zod";
import { open, record } from "./schemas.ts";
import { FRAME_BOX, FRAME_POINT } from "./video-prompts.ts";

export { open, record };

const points = z.array(z.string().regex(FRAME_POINT, "expected x,y@frame, for example 320,240@0"));

export const request = z.strictObject({
  point: points.optional().meta({
    description:
      "a point on an object, x,y@frame in pixels (default: frame 0); name=x,y@frame for several objects",
  }),
  not: points
    .optional()
    .meta({ description: "a point that is not on the object, x,y@frame or name=x,y@frame" }),
  box: z
    .array(z.string().regex(FRAME_BOX, "expected left,top,right,bottom@frame, for example 10,20,90,80@0"))
    .optional()
    .meta({ description: "a box around an object, left,top,right,bottom@frame, or with name= in front" }),
  nonOverlapping: z
    .boolean()
    .optional()
    .meta({ description: "let every pixel belong to one object at most" }),
  pooled: z
    .boolean()
    .optional()
    .meta({ description: "attend to memories at half their resolution: faster and less exact" }),
  style: z
    .enum(["overlay", "mask", "palette"])
    .optional()
    .meta({ description: "what the frames of a written video show (default: overlay)" }),
});

export const answer = z
  .object({
    model: z.string().meta({ description: "The checkpoint" }),
    width: z.int(),
    height: z.int(),
    seconds: z.number(),
    milliseconds: z.number().meta({ description: "Of a frame, in the network" }),
    frames: z.array(
      z.object({
        frame: z.int(),
        timestamp: z.number().meta({ description: "In seconds" }),
        objects: z.array(
          z.object({
            name: z.string(),
            segmentation: z
              .object({ size: z.tuple([z.int(), z.int()]), counts: z.string() })
              .meta({ description: "Run lengths as COCO has them" }),
            area: z.int(),
            bbox: z
              .tuple([z.number(), z.number(), z.number(), z.number()])
              .meta({ description: "[left, top, width, height]" }),
            score: z.number().meta({ description: "Logit of whether the object is in the picture" }),
          }),
        ),
      }),
    ),
  })
  .meta({ id: "Tracking" });
