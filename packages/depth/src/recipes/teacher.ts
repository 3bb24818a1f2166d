/**
 * The teacher of Depth Anything (Yang et al. 2024): relative depth from labelled images alone. V2 trains it on
 * synthetic images only, whose depth is perfect at edges, in thin structures and behind glass: that is the default here,
 * with scenes from our own renderer. V1 trains it on measured depth (`--data`, with `--pairs 0` for nothing else). Both
 * mirror half of the images and perturb nothing.
 */
import { spreadIndices } from "@tessera-ml/kit";
import { defineRecipe, type Recipe, type RecipeSetting } from "@tessera-ml/kit/training";
import { DataLoader, type HostBatch, samples } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import * as z from "zod";
import { depthSample, type Frame } from "../data/index.ts";
import { networks } from "../networks/index.ts";
import { TASK } from "../records.ts";
import { MARGIN } from "../training/frames.ts";
import { measure } from "../training/measure.ts";
import { labelledLoss, relativeOptimizer } from "../training/relative.ts";
import { buildTrainable } from "../training/trainable.ts";
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

const options = z.strictObject(commonOptions);
type Options = z.output<typeof options>;

export const depthTeacher: Recipe = defineRecipe({
  name: "depth-teacher",
  title: "A teacher of relative depth, from rendered or measured scenes",
  paper: "Depth Anything V2 (Yang et al. 2024)",
  task: TASK,
  network: "depth_lite0",
  networkOf: ({ network }) => networks.find(network).network.name,
  dataset: "rendered scenes",
  epochs: 6,
  expected: { metric: "delta1", atLeast: 0.8, label: "δ1" },
  minutes: 30,
  limits:
    "Relative depth: an order, not distances. It has seen nothing but the scenes it was trained on; a student learns from it on photographs.",
  options,
  metrics: {
    loss: { label: "loss", better: "less", digits: 4 },
    absRel: { label: "AbsRel", better: "less", digits: 3 },
    delta1: { label: "δ1", better: "more", digits: 3 },
    delta2: { label: "δ2", better: "more", digits: 3 },
    delta3: { label: "δ3", better: "more", digits: 3 },
    rmse: { label: "RMSE", unit: "m", better: "less", digits: 3 },
  },
  card: (given) => cardOf("rendered scenes", given),
  details: ({ network, size }) => ({ depth: { kind: "disparity", preset: presetOf(network), size } }),
  prepare,
  measure: async (given) => {
    const trainable = await buildTrainable(given.network);
    const test = await testSets(given);
    return { module: trainable.module, evaluate: () => measure(trainable, test, inputPreset(given)) };
  },
});

async function prepare({ epochs, seed, samples: most, options: given, signal }: RecipeSetting<Options>) {
  const { batch, encoder, network, gradientWeight, lr = defaultRate(network) } = given;
  const trainable = await buildTrainable(network, { encoder });
  const test = await testSets(given, signal);
  const size = trainingSize(given);
  const all = await trainingFrames(given, size, signal);
  const frames = spreadIndices(all.length, Math.min(all.length, most)).map((i) => all[i] as Frame);
  if (frames.length === 0)
    throw new RangeError(
      "depth-teacher: expected --data FOLDER or --pairs above 0: there is nothing to train on",
    );
  const data = new DataLoader(
    samples(
      frames.length,
      (index, random): HostBatch => depthSample(frames[index] as Frame, size, random, MARGIN),
    ),
    { batchSize: Math.min(batch, frames.length), shuffle: true, seed, dropLast: true },
  );
  return {
    module: trainable.module,
    samples: frames.length,
    optimizer: relativeOptimizer(trainable.module, trainable.encoder, { steps: epochs * data.batches, lr }),
    data,
    loss: ({ image, disparity, mask }: Readonly<Record<string, Tensor>>) =>
      labelledLoss(trainable.estimate(image as Tensor).map, disparity as Tensor, mask as Tensor, {
        gradientWeight,
      }),
    clipNorm: 5,
    evaluateEvery: { steps: Math.ceil((epochs * data.batches) / 10) },
    evaluate: () => measure(trainable, test, inputPreset(given)),
  };
}
