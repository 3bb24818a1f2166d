/** Requests and answers of depth estimation. */
import { COLORMAPS, type Colormap } from "@tessera-ml/media";
import * as z from "zod";
import { KNOWN } from "./known.ts";
import { depthPresets } from "./preprocess.ts";
import { depthSchema, type PresetName } from "./records.ts";

const presetNames = Object.keys(depthPresets) as [PresetName, ...PresetName[]];

export const request = z.strictObject({
  size: z.int().min(14).max(4096).optional().meta({
    description: "side of the network's input in pixels (default: the preset's, 518 for Depth Anything)",
  }),
  preset: z
    .enum(presetNames)
    .optional()
    .meta({ description: "whose code prepares the image (default: that of the checkpoint)" }),
  style: z
    .enum(["colour", "side-by-side", "16-bit"])
    .optional()
    .meta({ description: "what pictures show (default: 16-bit in .png files, else colour)" }),
  colormap: z
    .enum(COLORMAPS as [Colormap, ...Colormap[]])
    .optional()
    .meta({ description: "colours (default: those of the authors' script)" }),
  focalLength: z
    .number()
    .positive()
    .max(1e6)
    .optional()
    .meta({ description: "of the camera, in pixels, for .ply and .glb (default: from EXIF, else assumed)" }),
  known: z
    .array(z.string().regex(KNOWN, "expected x,y=metres, for example 120,80=1.5"))
    .optional()
    .meta({ description: "a known distance, x,y=metres; two or more turn a relative map into metres" }),
});

/** They name a file, which only the command line may. */
export const local = z.strictObject({
  sensor: z
    .string()
    .optional()
    .meta({ description: "known distances in a 16-bit PNG as large as the image, or rows x,y,metres" }),
  sensorUnit: z
    .number()
    .positive()
    .optional()
    .meta({ description: "metres per step of the PNG (default: 0.001)" }),
});

export const record = depthSchema;

export const answer = z
  .object({
    model: z.string().meta({ description: "The checkpoint" }),
    kind: z.enum(["disparity", "metric"]).meta({
      description:
        "disparity: inverse depth up to an unknown scale and shift, larger is nearer; metric: metres",
    }),
    width: z.int(),
    height: z.int(),
    min: z.number().nullable().meta({ description: "The smallest value; null if there is none" }),
    max: z.number().nullable(),
    milliseconds: z.number().meta({ description: "Time in the network" }),
    png: z.string().meta({ description: "A data: URL of a PNG", format: "data-url" }),
    unit: z
      .number()
      .optional()
      .meta({ description: "Metres per step of a picture with 16 bits; absent if there is none" }),
    camera: z.object({ focalLength: z.number(), from: z.enum(["given", "exif", "assumed"]) }),
    alignment: z
      .object({
        scale: z.number(),
        shift: z.number(),
        points: z.int(),
        expectedError: z
          .number()
          .optional()
          .meta({ description: "Relative error at points that the fit did not see; absent for two points" }),
      })
      .optional()
      .meta({ description: "metres = 1 / (scale · disparity + shift), if distances were known" }),
  })
  .meta({ id: "Depth" });
