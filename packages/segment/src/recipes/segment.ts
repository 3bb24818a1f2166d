/**
 * A small SAM 2, trained as the two papers train theirs (Kirillov et al. 2023; Ravi et al. 2024), at a scale that two
 * cores can do: the encoder starts from ImageNet, pictures and clips are made from the photographs of COCO.
 *
 * Stage 1 learns from pictures: photographs with things pasted into them, three objects each, a click or a box at first
 * and later clicks that correct the answer. At first the pictures are small; once the decoder knows something, the
 * encoder's later stages learn with it. Stage 2 adds clips: the encoder stays as it is, and the memory learns.
 */
import { defineRecipe, pathOption, type Recipe, type RecipeSetting } from "@tessera-ml/kit/training";
import { DataLoader, EMA, type HostBatch } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import * as z from "zod";
import { openCoco } from "../data/coco.ts";
import { Sam2, sam2Lite } from "../models/sam2/sam2.ts";
import { TASK } from "../records.ts";
import { SceneBatches } from "../training/batches.ts";
import { loadTrunk, startFrom } from "../training/encoder.ts";
import { type Asked, measureClicks, readAsked } from "../training/measure.ts";
import { sam2Optimizer } from "../training/optimizer.ts";
import { readPhotographs } from "../training/photographs.ts";
import { resized } from "../training/resized.ts";
import { sceneSamples } from "../training/samples.ts";
import { type SceneInput, sceneLoss } from "../training/step.ts";

const options = z.strictObject({
  coco: pathOption("folder").meta({ description: "photographs of COCO: instances.json and images/" }),
  licence: z
    .array(z.int().meta({ value: "number" }))
    .optional()
    .meta({ description: "only photographs with this licence, by its number in COCO (default: all)" }),
  encoder: pathOption("file")
    .optional()
    .meta({ description: "the file of EfficientNet-Lite0, trained on ImageNet (default: nothing learned)" }),
  size: z
    .int()
    .min(64)
    .max(1024)
    .multipleOf(64)
    .default(256)
    .meta({ description: "side of the input in pixels, a multiple of 64" }),
  batch: z.int().min(1).default(4).meta({ description: "pictures per step; of clips half as many" }),
  objects: z.int().min(1).default(3).meta({ description: "objects asked for in a picture; in a clip two" }),
  frames: z.int().min(2).max(16).default(6).meta({ description: "frames of a clip" }),
  corrections: z.int().min(0).max(7).default(3).meta({ description: "clicks after the first prompt" }),
  correctionsFrom: z.int().min(0).default(4).meta({ description: "epoch from which answers are corrected" }),
  largeFrom: z.int().min(0).default(12).meta({
    description: "epoch from which pictures have --size; before they have half of it, and are twice as many",
  }),
  encoderFrom: z
    .int()
    .min(0)
    .default(18)
    .meta({ description: "epoch from which the later stages of the encoder learn, counted from 0" }),
  clipsFrom: z
    .int()
    .min(0)
    .default(26)
    .meta({ description: "epoch from which clips are learned and the encoder stays as it is" }),
  scenes: z.int().min(1).default(1000).meta({ description: "scenes of an epoch" }),
  lr: z.number().positive().default(1e-3).meta({ description: "learning rate of all but the encoder" }),
  measured: z.int().min(1).default(60).meta({ description: "held-out photographs to measure on" }),
});
type Options = z.output<typeof options>;

/** Photographs keep this much more than the size of the input, for parts that fill the frame. */
const MARGIN = 1.65;
/** The shares of first prompts. Masks are for clips: on a picture nothing would be left to learn. */
const PICTURE_PROMPTS = { mask: 0, box: 0.3 };
const CLIP_PROMPTS = { mask: 0.5, box: 0.2 };

export const segment: Recipe = defineRecipe({
  name: "segment",
  title: "A small SAM 2 for pictures and videos",
  paper: "SAM 2: Segment Anything in Images and Videos (Ravi et al. 2024)",
  task: TASK,
  network: "sam2_lite",
  dataset: "COCO, held-out photographs",
  epochs: 40,
  expected: { metric: "miou5", atLeast: 0.75, label: "mIoU after 5 clicks" },
  minutes: 150,
  limits:
    "It has learned from few photographs, with input of 256 pixels: small and thin things, and things of kinds that it has never seen, need more clicks.",
  options,
  metrics: {
    loss: { label: "loss", better: "less", digits: 3 },
    miou1: { label: "mIoU after 1 click", better: "more", digits: 3 },
    miou3: { label: "mIoU after 3 clicks", better: "more", digits: 3 },
    miou5: { label: "mIoU after 5 clicks", better: "more", digits: 3 },
  },
  details: ({ size }) => ({ segment: { size } }),
  prepare,
  measure: async (given) => {
    const model = new Sam2({ ...sam2Lite, image: given.size });
    const asked = await heldOut(given);
    return { module: model, evaluate: () => measureClicks(model, asked) };
  },
});

async function prepare({ epochs, seed, samples: most, options: given, signal }: RecipeSetting<Options>) {
  const { coco, licence, encoder, size, batch, objects, frames, lr } = given;
  const model = new Sam2({ ...sam2Lite, image: size });
  if (encoder !== undefined) await loadTrunk(model, encoder);
  const found = await openCoco(coco, { split: "train", licences: licence });
  const photographs = await readPhotographs(
    found.slice(0, Math.min(found.length, most)),
    MARGIN * size,
    signal,
  );
  if (photographs.length === 0)
    throw new RangeError(
      `segment: expected photographs to train on in ${coco}, found none with these licences`,
    );
  const asked = await heldOut(given, signal);
  const loader = (count: number, batchSize: number, shape: Parameters<typeof sceneSamples>[2]) =>
    new DataLoader<HostBatch>(sceneSamples(photographs, count * batchSize, shape), {
      ...{ batchSize, shuffle: true, seed, dropLast: true },
    });
  const count = Math.max(1, Math.floor(given.scenes / batch));
  const still = { frames: 1, objects, prompts: PICTURE_PROMPTS };
  const small = loader(count, 2 * batch, { ...still, side: size / 2 });
  const pictures = loader(count, batch, { ...still, side: size });
  const clips = loader(count, Math.max(1, Math.floor(batch / 2)), {
    ...{ side: size, frames, objects: 2, prompts: CLIP_PROMPTS },
  });
  const { images } = await pictures.batch(0, 0);
  await startFrom(model, (images as Tensor).flatten(0, 1));
  model.train();
  const half = resized(model, sam2Lite, size / 2);
  const data = new SceneBatches(model, { small, pictures, clips }, given);
  const steps = epochs * data.batches;
  return {
    module: model,
    samples: photographs.length,
    optimizer: sam2Optimizer(model, {
      steps,
      lr,
      encoderLr: lr / 5,
      end: 0.02,
      warmUp: Math.min(200, Math.ceil(steps / 10)),
      weightDecay: 0.05,
    }),
    data,
    loss: (input: SceneInput) => {
      const seen = input.truth.shape.at(-1) === size ? model : half;
      return { ...sceneLoss(seen, input, { side: seen.image / 2 }) };
    },
    clipNorm: 1,
    ema: new EMA(model, { decay: 0.999 }),
    evaluateEvery: { epochs: Math.max(1, Math.floor(epochs / 16)) },
    evaluate: () => measureClicks(model, asked),
  };
}

/** Held-out photographs of any licence: measuring keeps nothing of them. */
async function heldOut({ coco, size, measured }: Options, signal?: AbortSignal): Promise<Asked[]> {
  const photographs = await openCoco(coco, { split: "heldout" });
  return await readAsked(photographs.slice(0, measured), size, { signal });
}
