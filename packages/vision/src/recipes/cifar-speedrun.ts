/**
 * CIFAR-10 in half an hour on two cores: airbench's recipe (Jordan 2024) for a processor.
 *
 * Nesterov's momentum with a decay that is independent of the rate, large rates for the shifts of batch
 * norm, label smoothing, a first layer that is computed rather than learned, and the mean of the last
 * weights. Data: CIFAR-10 as JPEG.
 */
import { crossEntropy, EMA, SGD, schedules } from "@tessera-ml/nn";
import { compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import { CifarSpeedrun } from "../models/cifar/speedrun.ts";
import { CIFAR10, cifarBatches } from "./cifar-data.ts";
import { networkInput, type Pictures, spread } from "./pictures.ts";
import type { Recipe } from "./recipe.ts";
import { defineRecipe } from "./train.ts";
import { whiteningFilters } from "./whitening.ts";

const MOMENTUM = 0.85;
/** Airbench's rate and decay are per 1,024 samples and step, before the momentum adds its own factor. */
const SCALE = 1024 * (1 + 1 / (1 - MOMENTUM));
const RATE = 11.5 / SCALE;
const DECAY = 0.0153 / SCALE;
/** How much faster the shifts of batch norm learn. */
const SHIFTS = 64;

export const cifarSpeedrun: Recipe = defineRecipe({
  ...CIFAR10,
  name: "cifar_speedrun",
  title: "CIFAR-10 to 90 % in half an hour on two cores",
  paper: "94% on CIFAR-10 in 3.29 Seconds on a Single GPU (Jordan 2024)",
  network: "cifar_speedrun",
  epochs: 10,
  batchSize: 250,
  expected: { metric: "top1", atLeast: 90 },
  minutes: 30,
  train: async (setting) => {
    const { model, train, steps, batchSize } = setting;
    if (!(model instanceof CifarSpeedrun)) throw new Error("cifar_speedrun: another network");
    model.whiten.weight.assign(whiteningFilters(await normalised(spread(train, 5000)), 2));
    // Airbench sums the losses of a batch, here is their mean.
    const peak = RATE * batchSize;
    const rise = Math.floor(0.23 * steps);
    const lr = schedules.joined(
      [rise, schedules.linear({ from: 0.2 * peak, to: peak, steps: rise })],
      [steps - rise, schedules.linear({ from: peak, to: 0.07 * peak, steps: steps - rise })],
    );
    const weightDecay = DECAY / RATE;
    return {
      optimizer: new SGD(model, {
        lr,
        momentum: MOMENTUM,
        nesterov: true,
        weightDecay,
        groups: [
          { match: (path) => /bn\d\.bias$/.test(path), lrScale: SHIFTS, weightDecay: weightDecay / SHIFTS },
        ],
      }),
      loss: (scores, labels) => crossEntropy(scores, labels, { labelSmoothing: 0.2 }),
      data: cifarBatches(setting),
      ema: new EMA(model, { decay: 0.995 }),
      evaluateEvery: 5,
    };
  },
});

/** Pictures as the network reads them. */
async function normalised({ images }: Pictures) {
  const read = compile((x: Tensor) => networkInput(x, CIFAR10.preprocessing));
  const data = (await read(fromArray(images.data, images.shape)).data()) as Float32Array;
  read.release();
  return { shape: images.shape, data };
}
