/**
 * CIFAR-10 in half an hour on two cores: airbench's recipe (Jordan 2024) adapted to a CPU.
 *
 * Muon orthogonalises the updates of convolutions, batch norm only learns biases, the first layer is computed
 * from data rather than learned, labels are smoothed, and an average of the last weights is kept. Inference
 * averages each image with its mirror image. Data: CIFAR-10 as JPEG.
 */

import { crossEntropy, EMA, schedules } from "@tessera-ml/nn";
import { compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import { CifarSpeedrun } from "../models/cifar/speedrun.ts";
import { CIFAR10, cifarBatches } from "./cifar-data.ts";
import { type ClassifierRecipe, defineClassifierRecipe } from "./define.ts";
import { type LabelledImages, networkInput, spread } from "./pictures.ts";
import { SphereMuon } from "./sphere.ts";
import { whiteningFilters } from "./whitening.ts";

const BATCH = 1000;
/*
 * Airbench's rates are for batches of 2,000 and, except for Muon's, for summed losses. Here batches are half
 * as large and losses are means. The momenta average over about as many images as in airbench.
 */
const TURN = { lr: 0.12, momentum: 0.8 };
const SHIFT = { lr: 0.053 * BATCH, momentum: 0.85 };
/** Airbench divides the scores by 256, this network by 9. */
const HEAD = { lr: 0.67 * (9 / 256) ** 2 * BATCH, momentum: 0.85 };
/** Weight decay per step, on biases and head. */
const DECAY = 2e-6 * BATCH;

export const cifarSpeedrun: ClassifierRecipe = defineClassifierRecipe({
  ...CIFAR10,
  name: "cifar_speedrun",
  title: "CIFAR-10 to 90 % in half an hour on two cores",
  paper: "94% on CIFAR-10 in 3.29 Seconds on a Single GPU (Jordan 2024)",
  network: "cifar_speedrun",
  epochs: 8,
  batchSize: BATCH,
  expected: { metric: "top1", atLeast: 90 },
  minutes: 25,
  limits:
    "Its scores average the image and its mirror image, also for the accuracy above, which doubles the cost. From a single view it reaches 89.7 %.",
  train: async (setting) => {
    const { model, train, steps } = setting;
    if (!(model instanceof CifarSpeedrun))
      throw new Error(`cifar_speedrun: expected a CifarSpeedrun, got ${model.constructor.name}`);
    model.whiten.weight.assign(whiteningFilters(await normalised(spread(train, 5000)), 2));
    const falling = (from: number) => schedules.linear({ from, steps });
    return {
      optimizer: new SphereMuon(model, {
        lr: falling(TURN.lr),
        momentum: TURN.momentum,
        matrix: true,
        groups: [
          { match: shifts, ...SHIFT, lr: falling(SHIFT.lr), matrix: false, weightDecay: DECAY / SHIFT.lr },
          { match: "head", ...HEAD, lr: falling(HEAD.lr), matrix: false, weightDecay: DECAY / HEAD.lr },
        ],
      }),
      loss: (scores, labels) => crossEntropy(scores, labels, { labelSmoothing: 0.2 }),
      data: cifarBatches(setting),
      ema: new EMA(model, { decay: 0.97 }),
      evaluateEvery: 4,
    };
  },
});

/** Batch norm biases. */
function shifts(path: string): boolean {
  return /bn\d\.bias$/.test(path);
}

/** Images as the network's input. */
async function normalised({ images }: LabelledImages) {
  const read = compile((x: Tensor) => networkInput(x, CIFAR10.preprocessing));
  const data = (await read(fromArray(images.data, images.shape)).data()) as Float32Array;
  read.release();
  return { shape: images.shape, data };
}
