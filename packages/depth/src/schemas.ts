/** Requests and answers of depth estimation. */
import type { OperationSchema } from "@tessera-ml/kit";
import { COLORMAPS, type Colormap } from "@tessera-ml/media";
import * as z from "zod";
import { RUN_DTYPES } from "./dtypes.ts";
import { ALIGNMENTS } from "./evaluate/alignments.ts";
import { KNOWN } from "./known.ts";
import { CROPS } from "./metrics.ts";
import { VIDEO_ENDINGS } from "./outputs/endings.ts";
import { depthPresets } from "./preprocess.ts";
import { depthSchema, type PresetName } from "./records.ts";

const presetNames = Object.keys(depthPresets) as [PresetName, ...PresetName[]];

export const request = z.strictObject({
  size: z.int().min(14).max(4096).optional().meta({
    description: "side of the network's input in pixels (default: the checkpoint's, 518 for Depth Anything)",
  }),
  preset: z
    .enum(presetNames)
    .optional()
    .meta({ description: "whose code prepares the image (default: that of the checkpoint)" }),
  dtype: z.enum(RUN_DTYPES).optional().meta({
    description: "float32 (default) or int8: faster on CPUs and less exact, for networks with linear layers",
  }),
  tiles: z.int().min(1).max(8).optional().meta({
    description:
      "for finer maps of large images: estimate tiles as well, so many along the shorter side (default: 1, none)",
  }),
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
  values: z.int().min(16).max(2048).optional().meta({
    description: "answer with the values instead of a picture, at most this many pixels to a side",
  }),
  playable: z
    .enum(VIDEO_ENDINGS)
    .optional()
    .meta({ description: "answer to a video with its depth as a video (default: figures alone)" }),
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

/** Options of an evaluation. */
export const evaluate = z.strictObject({
  align: z.enum(ALIGNMENTS).optional().meta({
    description:
      "how predictions are brought to scale, per image (default: least-squares in disparity for relative networks, none for metric ones)",
  }),
  cap: z
    .number()
    .positive()
    .optional()
    .meta({ description: "largest depth that counts, in metres (default: that of the data set, else 80)" }),
  crop: z
    .enum(["none", ...CROPS])
    .optional()
    .meta({ description: "part of the images that counts (default: that of the data set)" }),
  units: z.string().optional().meta({
    description: "of depth files in folders without set.json: 'metres = value / 1000', or a name such as tum",
  }),
  size: request.shape.size,
  preset: request.shape.preset,
  dtype: request.shape.dtype,
  tiles: request.shape.tiles,
});

export type EvaluationFields = z.output<typeof evaluate>;

export const record = depthSchema;

const png = z.string().meta({ description: "A data: URL of a PNG", format: "data-url" });

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
    png: png.optional().meta({ description: "The picture; absent if values were asked for" }),
    values: z
      .object({
        png: png.meta({
          description:
            "16 bits: 0 is no value, from 1 (low) to 65535 (high) each step is the same difference",
        }),
        ...{ width: z.int(), height: z.int(), low: z.number(), high: z.number() },
      })
      .optional()
      .meta({ description: "The values, if they were asked for: disparity or metres, as `kind` says" }),
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
    video: z
      .object({
        ...{ frames: z.int(), seconds: z.number(), frameRate: z.number() },
        scenes: z.int().meta({ description: "Each has a scale and shift of its own" }),
        flicker: z.object({ before: z.number().optional(), after: z.number().optional() }).meta({
          description:
            "Mean change of the values from frame to frame where the pictures stay the same, in percent of their " +
            "range: before and after frames were brought to one scale",
        }),
        data: z
          .string()
          .optional()
          .meta({ description: "A data: URL of the depth as a video, if asked for", format: "data-url" }),
      })
      .optional()
      .meta({
        description: "Of videos; min, max and milliseconds then are of all frames, and there is no png",
      }),
  })
  .meta({ id: "Depth" });

/** Side of the input of a network that is looked into. */
const size = z.int().min(14).max(1036).optional().meta({
  description: "Side of the network's input in pixels (default: the preset's)",
});
const share = z.number().min(0).max(1);
const block = z.int().min(0).optional().meta({ description: "From 0; default: the last" });
const shape = z.array(z.int()).meta({ description: "[1, C, H, W]" });

const attention = {
  path: "depth/inspect/attention",
  summary: "What a patch attends to in a network with a DINOv2 encoder, per block and head",
  input: true,
  request: z.strictObject({
    x: share.meta({ description: "The point, as a share of the image's width from the left" }),
    y: share.meta({ description: "As a share of the image's height from the top" }),
    block,
    size,
  }),
  answer: z.object({
    rows: z.int().meta({ description: "Of patches" }),
    columns: z.int(),
    patch: z.object({ row: z.int(), column: z.int() }),
    block: z.int(),
    blocks: z.array(png).meta({ description: "The mean of the heads of every block" }),
    heads: z.array(png).meta({ description: "Each head of the block asked for" }),
  }),
} satisfies OperationSchema;

const tokens = {
  path: "depth/inspect/tokens",
  summary: "Three principal components of DINOv2's patch tokens as red, green and blue",
  input: true,
  request: z.strictObject({ block, size }),
  answer: z.object({
    rows: z.int(),
    columns: z.int(),
    block: z.int(),
    blocks: z.int().meta({ description: "How many the encoder has" }),
    png: png.meta({ description: "A pixel for each patch" }),
    shares: z.array(z.number()).meta({ description: "Of the variance, for each component" }),
  }),
} satisfies OperationSchema;

const stages = {
  path: "depth/inspect/stages",
  summary: "The four maps that a decoder gets, and what each fusion makes of them",
  input: true,
  request: z.strictObject({ size }),
  answer: z.object({
    stages: z
      .array(z.object({ stage: z.int(), shape, png }))
      .meta({ description: "Fine to coarse: root mean square over the channels" }),
    fusions: z
      .array(
        z.object({
          stage: z.int(),
          shape,
          shows: z.enum(["reading", "strength"]).meta({
            description:
              "reading: what the last convolutions read from the path at this point; strength: root mean square " +
              "over its channels, where they cannot read it",
          }),
          png,
          change: png.optional().meta({
            description: "What this fusion adds (red) and takes away (blue), both maps standardized",
          }),
        }),
      )
      .meta({ description: "Coarse to fine" }),
  }),
} satisfies OperationSchema;

export const operations = { attention, tokens, stages };

export type DepthAnswer = z.infer<typeof answer>;
export type AttentionAnswer = z.infer<typeof attention.answer>;
export type TokensAnswer = z.infer<typeof tokens.answer>;
export type StagesAnswer = z.infer<typeof stages.answer>;
