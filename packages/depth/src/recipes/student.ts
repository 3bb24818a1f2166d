/**
 * The student of Depth Anything (Yang et al. 2024), from photographs that a teacher has labelled
 * (`tessera depth pseudo-label`).
 *
 * - V1: labelled and unlabelled images, 1 : 2. Unlabelled ones are strongly perturbed and mixed by CutMix, and compared
 *   with the teacher's map of the clean photograph; the encoder's features stay close to those it started from. The
 *   three losses are averaged.
 * - V2: pseudo-labelled photographs alone, with gradient matching at twice the weight, without the tenth of the pixels
 *   with the largest errors, and with the feature alignment of V1.
 */
import { spreadIndices } from "@tessera-ml/kit";
import { defineRecipe, pathOption, type Recipe, type RecipeSetting } from "@tessera-ml/kit/training";
import type { Size } from "@tessera-ml/media";
import { DataLoader, type HostBatch, samples } from "@tessera-ml/nn";
import { concat, type Tensor } from "@tessera-ml/tensor";
import * as z from "zod";
import { depthSample, type Frame } from "../data/index.ts";
import { featureAlignment } from "../losses/index.ts";
import { networks } from "../networks/index.ts";
import { openPseudoLabels } from "../pseudo-label/index.ts";
import { TASK } from "../records.ts";
import { MARGIN, shrink } from "../training/frames.ts";
import { measure } from "../training/measure.ts";
import { labelledLoss, relativeOptimizer, unlabelledLoss } from "../training/relative.ts";
import { studentSample } from "../training/student-samples.ts";
import { buildTrainable, frozenEncoder } from "../training/trainable.ts";
import {
  cardOf,
  commonOptions,
  defaultRate,
  inputPreset,
  presetOf,
  testSets,
  trainingFrames,
  trainingSize,
} from "./relative.ts";

const options = z.strictObject({
  labels: z
    .array(pathOption("folder"))
    .min(1)
    .meta({ description: "pseudo-labelled photographs, from `tessera depth pseudo-label`" }),
  variant: z.enum(["v1", "v2"]).default("v1").meta({ description: "whose recipe" }),
  ...commonOptions,
  batch: z
    .int()
    .min(3)
    .default(24)
    .meta({ description: "images per step; in V1 a third of them labelled, two thirds photographs" }),
  perturb: z.boolean().default(true).meta({ description: "perturb unlabelled photographs (V1)" }),
  cutmix: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .meta({ description: "share of photographs that are mixed (V1)" }),
  align: z.boolean().default(true).meta({ description: "keep the features of --encoder" }),
});
type Options = z.output<typeof options>;

export const depthStudent: Recipe = defineRecipe({
  name: "depth-student",
  title: "A student of relative depth, from a teacher's labels",
  paper: "Depth Anything: Unleashing the Power of Large-Scale Unlabeled Data (Yang et al. 2024)",
  task: TASK,
  network: "depth_lite0",
  networkOf: ({ network }) => networks.find(network).network.name,
  dataset: "pseudo-labelled photographs",
  epochs: 2,
  expected: { metric: "delta1", atLeast: 0.65, label: "δ1" },
  minutes: 35,
  limits:
    "Relative depth: an order, not distances. Its input is small, so that edges are soft and thin things vanish; what its teacher gets wrong on photographs, it has learned.",
  options,
  metrics: {
    loss: { label: "loss", better: "less", digits: 4 },
    absRel: { label: "AbsRel", better: "less", digits: 3 },
    delta1: { label: "δ1", better: "more", digits: 3 },
    delta2: { label: "δ2", better: "more", digits: 3 },
    delta3: { label: "δ3", better: "more", digits: 3 },
    rmse: { label: "RMSE", unit: "m", better: "less", digits: 3 },
  },
  card: (given) => cardOf("rendered scenes and pseudo-labelled photographs", given),
  details: ({ network, size }) => ({ depth: { kind: "disparity", preset: presetOf(network), size } }),
  prepare,
  measure: async (given) => {
    const trainable = await buildTrainable(given.network);
    const test = await testSets(given);
    return { module: trainable.module, evaluate: () => measure(trainable, test, inputPreset(given)) };
  },
});

async function prepare({ epochs, seed, samples: most, options: given, signal }: RecipeSetting<Options>) {
  const { batch, encoder, network, variant, lr = defaultRate(network) } = given;
  const trainable = await buildTrainable(network, { encoder });
  const test = await testSets(given, signal);
  const size = trainingSize(given);
  const photographs = await pseudoLabelled(given.labels, size, signal);
  const labelled = variant === "v1" ? await trainingFrames(given, size, signal) : photographs;
  // A step of V1 has two photographs for every labelled image.
  const perStep = variant === "v1" ? Math.floor(batch / 3) : batch;
  const kept = spreadIndices(labelled.length, Math.min(labelled.length, most));
  const dataset = samples(kept.length, (index, random): HostBatch => {
    const first = labelled[kept[index] as number] as Frame;
    if (variant === "v2") return depthSample(first, size, random, MARGIN);
    const any = () => photographs[Math.floor(random() * photographs.length)] as Frame;
    const [a, b] = [0, 1].map(() => studentSample(any(), any(), size, given, random));
    const of = (name: string, sample: HostBatch) =>
      Object.entries(sample).map(([key, value]) => [`${name}_${key}`, value]);
    return Object.fromEntries([
      ...Object.entries(depthSample(first, size, random, MARGIN)),
      ...of("a", a as HostBatch),
      ...of("b", b as HostBatch),
    ]);
  });
  const data = new DataLoader(dataset, {
    ...{ batchSize: Math.min(perStep, kept.length), shuffle: true, seed, dropLast: true },
  });
  const frozen =
    given.align && encoder !== undefined ? await frozenEncoder(trainable.module, encoder) : undefined;
  const alignment = (tokens: Tensor, images: Tensor) =>
    frozen ? [featureAlignment(tokens, frozen(images).stopGradient())] : [];
  const mean = (losses: readonly Tensor[]) => losses.reduce((a, b) => a.add(b)).div(losses.length);

  const lossV1 = (fields: Readonly<Record<string, Tensor>>): Tensor => {
    const both = (name: string) => concat([fields[`a_${name}`] as Tensor, fields[`b_${name}`] as Tensor], 0);
    const count = (fields.image as Tensor).shape[0] as number;
    const seen = both("image"); // [2B, 3, H, W]
    const { map, tokens } = trainable.estimate(concat([fields.image as Tensor, seen], 0)); // [3B, H, W]
    const { gradientWeight } = given;
    return mean([
      labelledLoss(map.narrow(0, 0, count), fields.disparity as Tensor, fields.mask as Tensor, {
        gradientWeight,
      }),
      unlabelledLoss(map.narrow(0, count, 2 * count), {
        inside: both("inside"),
        outside: both("outside"),
        box: both("box"),
      }),
      ...alignment(tokens.narrow(0, count, 2 * count), seen),
    ]);
  };
  const lossV2 = ({ image, disparity, mask }: Readonly<Record<string, Tensor>>): Tensor => {
    const { map, tokens } = trainable.estimate(image as Tensor);
    const { gradientWeight } = given;
    const label = labelledLoss(map, disparity as Tensor, mask as Tensor, { gradientWeight, keep: 0.9 });
    return [label, ...alignment(tokens, image as Tensor)].reduce((a, b) => a.add(b));
  };
  return {
    module: trainable.module,
    samples: kept.length,
    optimizer: relativeOptimizer(trainable.module, trainable.encoder, { steps: epochs * data.batches, lr }),
    data,
    loss: variant === "v1" ? lossV1 : lossV2,
    clipNorm: 5,
    evaluateEvery: { steps: Math.ceil((epochs * data.batches) / 10) },
    evaluate: () => measure(trainable, test, inputPreset(given)),
  };
}

async function pseudoLabelled(
  folders: readonly string[],
  size: Size,
  signal: AbortSignal | undefined,
): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (const folder of folders) {
    const labels = await openPseudoLabels(folder);
    for (let i = 0; i < labels.names.length; i++) {
      signal?.throwIfAborted();
      frames.push(shrink(await labels.read(i), size));
    }
  }
  return frames;
}
