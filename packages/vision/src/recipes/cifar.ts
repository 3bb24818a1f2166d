/**
 * Generations of networks on equal terms: the same CIFAR-10 images, epochs and augmentation. Only the network
 * differs, and the optimizer typical of its generation.
 *
 * Data: CIFAR-10 as JPEG. The table below has the expected results. Five epochs are few: the results are far below
 * what each network can reach, but comparable with each other.
 */

import { AdamW, crossEntropy, EMA, type Schedule, SGD, schedules } from "@tessera-ml/nn";
import type { Classifier } from "../classifier.ts";
import { networks } from "../networks/index.ts";
import { CIFAR10, cifarBatches } from "./cifar-data.ts";
import { type ClassifierRecipe, defineClassifierRecipe } from "./define.ts";

const EPOCHS = 5;

interface Entry {
  readonly network: string;
  /** SGD with momentum for networks with batch norm, AdamW for those without. */
  readonly optimizer: "sgd" | "adamw";
  /** Peak learning rate. */
  readonly peak: number;
  /** Top-1 in per cent that the run must reach: slightly below the measured value. */
  readonly expected: number;
  /** Minutes on two cores. */
  readonly minutes: number;
}

const LINEAGE: readonly Entry[] = [
  { network: "cifar_lenet", optimizer: "adamw", peak: 4e-3, expected: 55.5, minutes: 1 },
  { network: "cifar_alexnet", optimizer: "adamw", peak: 2e-3, expected: 70.5, minutes: 2 },
  { network: "cifar_vgg", optimizer: "sgd", peak: 0.1, expected: 80, minutes: 4 },
  { network: "cifar_googlenet", optimizer: "sgd", peak: 0.1, expected: 78, minutes: 7 },
  { network: "cifar_resnet20", optimizer: "sgd", peak: 0.1, expected: 79, minutes: 13 },
  { network: "cifar_densenet", optimizer: "sgd", peak: 0.1, expected: 76, minutes: 14 },
  { network: "cifar_seresnet20", optimizer: "sgd", peak: 0.1, expected: 79, minutes: 12 },
  { network: "cifar_mobilenet", optimizer: "sgd", peak: 0.1, expected: 73.5, minutes: 8 },
  { network: "cifar_vit", optimizer: "adamw", peak: 2e-3, expected: 61, minutes: 6 },
  { network: "cifar_convnext", optimizer: "adamw", peak: 4e-3, expected: 63, minutes: 7 },
];

export const cifarLineage: readonly ClassifierRecipe[] = LINEAGE.map((entry) => {
  const { network, peak, expected, minutes } = entry;
  const { family, year, paper } = networks.find(network).network;
  return defineClassifierRecipe({
    ...CIFAR10,
    name: network,
    title: `${family} (${year}) for CIFAR-10, in ${EPOCHS} epochs`,
    paper,
    network,
    epochs: EPOCHS,
    batchSize: 125,
    expected: { metric: "top1", atLeast: expected },
    minutes,
    limits: `Trained for only ${EPOCHS} epochs, to be compared with the other generations rather than to reach its own best result.`,
    train: (setting) => ({
      optimizer: optimizerOf(entry, setting.model, riseAndFall(peak, setting.steps)),
      loss: (scores, labels) => crossEntropy(scores, labels, { labelSmoothing: 0.1 }),
      data: cifarBatches(setting),
      ema: new EMA(setting.model, { decay: 0.995 }),
    }),
  });
});

/** Linear warm-up to the peak over a fifth of the steps, then linear decay to zero. */
function riseAndFall(peak: number, steps: number): Schedule {
  const rise = Math.floor(steps / 5);
  return schedules.warmUp(rise, schedules.linear({ from: peak, steps: steps - rise }));
}

function optimizerOf({ optimizer }: Entry, model: Classifier, lr: Schedule) {
  return optimizer === "sgd"
    ? new SGD(model, { lr, momentum: 0.9, nesterov: true, weightDecay: 5e-4 })
    : new AdamW(model, { lr, weightDecay: 0.05 });
}
