/**
 * Fine-tuning to metres, after `metric_depth/train.py` of Depth Anything V2 (Yang et al. 2024): the encoder of a network
 * that knows relative depth, a new head that ends in a sigmoid times the largest depth, SILog, AdamW at 5e-6 for the
 * encoder and ten times that for the head, half of the images mirrored. The authors train 40 epochs on Hypersim
 * (indoors, 20 m) or Virtual KITTI 2 (outdoors, 80 m) with batches of 32.
 *
 * Data: folders of images with depth in metres, in any layout that `openDepthSets` knows. The last tenth of each folder
 * is held out unless other folders are given for the test: neighbours in a sequence look alike, so it is one block.
 */
import { statSync } from "node:fs";
import { spreadIndices } from "@tessera-ml/kit";
import { defineRecipe, pathOption, type Recipe, type RecipeSetting } from "@tessera-ml/kit/training";
import type { Size } from "@tessera-ml/media";
import { DataLoader, type HostBatch, samples } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import * as z from "zod";
import { type DepthSet, depthSample, type RgbdFrame } from "../data/index.ts";
import { DepthEstimator } from "../estimator.ts";
import { networks } from "../networks/index.ts";
import { type DepthPreset, depthPresets } from "../preprocess.ts";
import { TASK, usualFields } from "../records.ts";
import { measure, openSets } from "../training/measure.ts";
import { metricLoss, metricOptimizer } from "../training/metric.ts";
import { buildTrainable, type Trainable } from "../training/trainable.ts";

const options = z.strictObject({
  data: z
    .array(pathOption("folder"))
    .min(1)
    .meta({ description: "images with depth in metres, to train on" }),
  test: z.array(pathOption("folder")).optional().meta({
    description: "images with depth to measure on (default: the last tenth of each folder of --data)",
  }),
  network: z
    .string()
    .default("depth_lite0")
    .meta({ description: "what to train: depth_lite0 or a Depth Anything network" }),
  from: z.string().optional().meta({
    value: "checkpoint",
    description: "a checkpoint of the same network, whose encoder is kept (default: depth_lite0's own)",
  }),
  keepHead: z
    .boolean()
    .default(false)
    .meta({ description: "also start from the head of --from, where the authors train a new one" }),
  encoder: pathOption("file").optional().meta({
    description: "instead of --from: the file of an encoder, EfficientNet-Lite0 or DINOv2",
  }),
  maxDepth: z.number().positive().default(20).meta({ description: "the largest depth, in metres" }),
  size: z
    .int()
    .min(28)
    .max(2048)
    .optional()
    .meta({ description: "shorter side of the input in pixels (default: the network's usual one)" }),
  batch: z.int().min(1).default(4).meta({ description: "images per step" }),
  lr: z
    .number()
    .positive()
    .optional()
    .meta({ description: "learning rate of the encoder (default: 5e-6, for depth_lite0 1e-4)" }),
});
type Options = z.output<typeof options>;

export const depthMetric: Recipe = defineRecipe({
  name: "depth-metric",
  title: "Metres from a network of relative depth",
  paper: "Depth Anything V2 (Yang et al. 2024)",
  task: TASK,
  network: "depth_lite0",
  networkOf: ({ network }) => networks.find(network).network.name,
  dataset: "folders of images with depth",
  epochs: 40,
  expected: { metric: "delta1", atLeast: 0.5, label: "δ1" },
  minutes: 30,
  limits:
    "Metres are those of the cameras it was trained on: another focal length scales all depths. Beyond its largest depth, everything is as far as that.",
  options,
  metrics: {
    loss: { label: "loss", better: "less", digits: 4 },
    absRel: { label: "AbsRel", better: "less", digits: 3 },
    delta1: { label: "δ1", better: "more", digits: 3 },
    rmse: { label: "RMSE", unit: "m", better: "less", digits: 3 },
  },
  details: ({ maxDepth, network, size }) => ({
    depth: { kind: "metric", maxDepth, preset: presetOf(network), ...(size !== undefined && { size }) },
  }),
  prepare,
  measure: async (given) => {
    const trainable = await buildTrainable(given.network, { maxDepth: given.maxDepth });
    const { test } = await openData(given);
    return { module: trainable.module, evaluate: () => evaluate(trainable, test, given) };
  },
});

async function prepare(setting: RecipeSetting<Options>) {
  const { epochs, seed, samples: most, options: given } = setting;
  const { maxDepth, batch, lr = given.network === "depth_lite0" ? 1e-4 : 5e-6 } = given;
  const trainable = await startingPoint(given);
  const { train, test } = await openData(given);
  const frames = spreadIndices(train.length, Math.min(train.length, most)).map((i) => train[i]!);
  const size = trainingSize(given);
  const data = new DataLoader(
    samples(frames.length, async (index, random): Promise<HostBatch> => {
      const frame = await readMetres(frames[index]!);
      return depthSample(frame, size, random);
    }),
    { batchSize: Math.min(batch, frames.length), shuffle: true, seed, dropLast: true },
  );
  return {
    module: trainable.module,
    samples: frames.length,
    optimizer: metricOptimizer(trainable.module, trainable.encoder, {
      steps: epochs * data.batches,
      lr,
    }),
    data,
    loss: ({ image, disparity, mask }: Readonly<Record<string, Tensor>>) => {
      // Where the depth is infinite, the disparity is 0.
      const known = (mask as Tensor).notEqual(0).logicalAnd((disparity as Tensor).greater(0));
      const depth = known.where(disparity as Tensor, 1).rdiv(1);
      return metricLoss(trainable.estimate(image as Tensor).map, depth, known, { maxDepth });
    },
    evaluateEvery: { epochs: Math.max(1, Math.floor(epochs / 5)) },
    evaluate: () => evaluate(trainable, test, given),
  };
}

/** A metric network with the encoder, and if asked the head, of a checkpoint. */
async function startingPoint({ network, from, keepHead, encoder, maxDepth }: Options): Promise<Trainable> {
  if (from !== undefined && encoder !== undefined)
    throw new RangeError("depth-metric: expected --from or --encoder, got both");
  const trainable = await buildTrainable(network, { maxDepth, ...(encoder !== undefined && { encoder }) });
  if (encoder !== undefined) return trainable;
  if (from === undefined && network !== "depth_lite0")
    throw new RangeError(
      `depth-metric: ${network} needs --from CHECKPOINT or --encoder FILE: an encoder that has learned nothing cannot be fine-tuned`,
    );
  // A file without a record is taken for the network that is trained; V1 and V2 have the same encoder.
  const isFile = from !== undefined && statSync(from, { throwIfNoEntry: false })?.isFile() === true;
  const source = await DepthEstimator.load(from ?? network, isFile ? { network } : {});
  try {
    const state = source.module.stateDict();
    for (const [path, variable] of trainable.module.stateDict()) {
      if (!keepHead && !trainable.encoder.test(path)) continue;
      const stored = state.get(path);
      if (stored?.shape.join() !== variable.shape.join())
        throw new RangeError(
          `depth-metric: ${source.record.name} is no ${network}: ${path}: expected [${variable.shape.join(", ")}], got ${stored ? `[${stored.shape.join(", ")}]` : "nothing"}`,
        );
      variable.assign(stored);
    }
  } finally {
    source.release();
  }
  return trainable;
}

interface Reference {
  readonly set: DepthSet;
  readonly index: number;
}

interface Data {
  readonly train: readonly Reference[];
  readonly test: readonly DepthSet[];
}

async function openData({ data, test }: Pick<Options, "data" | "test">): Promise<Data> {
  const sets = await openSets(data);
  const from = (set: DepthSet, first: number, end: number) =>
    Array.from({ length: end - first }, (_, i): Reference => ({ set, index: first + i }));
  if (test) {
    const train = sets.flatMap((set) => from(set, 0, set.pairs.length));
    return { train, test: await openSets(test) };
  }
  const held = (set: DepthSet) => Math.max(1, Math.round(set.pairs.length / 10));
  const train = sets.flatMap((set) => from(set, 0, set.pairs.length - held(set)));
  if (train.length === 0) throw new Error(`${data.join(", ")}: too few images to train on and to measure on`);
  return { train, test: sets.map((set) => lastOf(set, held(set))) };
}

function lastOf(set: DepthSet, count: number): DepthSet {
  const first = set.pairs.length - count;
  return { ...set, pairs: set.pairs.slice(first), read: (index) => set.read(first + index) };
}

async function readMetres({ set, index }: Reference): Promise<RgbdFrame> {
  const frame = await set.read(index);
  if (frame.kind === "depth") return frame;
  throw new Error(`${set.folder}: ${frame.name}: its disparity has no unit: expected depth in metres`);
}

const presetOf = (network: string) => usualFields(network)?.preset ?? "depth_anything_v2";

function inputPreset({ network, size }: Pick<Options, "network" | "size">): DepthPreset {
  const usual: DepthPreset = depthPresets[presetOf(network)];
  return size === undefined ? usual : { ...usual, size };
}

/** 4 : 3, the aspect of most depth cameras. */
function trainingSize(given: Options): Size {
  const { size, multiple } = inputPreset(given);
  const rounded = (side: number) => Math.max(1, Math.round(side / multiple)) * multiple;
  return { width: rounded((4 / 3) * size), height: rounded(size) };
}

/** Without alignment: metres are compared as they are. */
async function evaluate(
  trainable: Trainable,
  sets: readonly DepthSet[],
  given: Options,
): Promise<Record<string, number>> {
  return await measure(trainable, sets, inputPreset(given), { kind: "metric", cap: given.maxDepth });
}
