/**
 * CIFAR-10 in half an hour on two cores: airbench's recipe (Jordan 2024) for a processor.
 *
 * Convolutions are turned rather than moved (Muon), batch norm only shifts, the first layer is computed
 * rather than learned, labels are smoothed, and the mean of the last weights is kept. In inference the
 * network also looks at the mirror image. Data: CIFAR-10 as JPEG.
 */

import { crossEntropy, EMA, schedules } from "@tessera-ml/nn";
import { compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import { CifarSpeedrun } from "../models/cifar/speedrun.ts";
import { CIFAR10, cifarBatches } from "./cifar-data.ts";
import { type ClassifierRecipe, defineClassifierRecipe } from "./define.ts";
import { networkInput, type Pictures, spread } from "./pictures.ts";
import { SphereMuon } from "./sphere.ts";
import { whiteningFilters } from "./whitening.ts";

const BATCH = 1000;
/*
 * Airbench's rates are for batches of 2,000 and, but for Muon's, for summed losses; here batches are half as
 * large and losses are means. Momenta remember about as many pictures as there.
 */
const TURN = { lr: 0.12, momentum: 0.8 };
const SHIFT = { lr: 0.053 * BATCH, momentum: 0.85 };
/** Airbench divides the scores by 256, this network by 9. */
const HEAD = { lr: 0.67 * (9 / 256) ** 2 * BATCH, momentum: 0.85 };
/** The share of shifts and head that a step takes away. */
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
    "Its scores are the mean of those for a picture and for its mirror image, in the accuracy above as well: it computes everything twice. From one view alone it was 89.7 % right.",
  train: async (setting) => {
    const { model, train, steps } = setting;
    if (!(model instanceof CifarSpeedrun)) throw new Error("cifar_speedrun: another network");
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

/** The biases of batch norm. */
function shifts(path: string): boolean {
  return /bn\d\.bias$/.test(path);
}

/** Pictures as the network reads them. */
async function normalised({ images }: Pictures) {
  const read = compile((x: Tensor) => networkInput(x, CIFAR10.preprocessing));
  const data = (await read(fromArray(images.data, images.shape)).data()) as Float32Array;
  read.release();
  return { shape: images.shape, data };
}
