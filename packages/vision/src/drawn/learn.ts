/** Small networks that learn drawn digits within a minute, on Node and in browsers. */
import { Adam, arrays, crossEntropy, DataLoader, fit, type ProgressReport, schedules } from "@tessera-ml/nn";
import { manualSeed, type Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { squaredErrorLoss } from "../models/lecun1989.ts";
import { createNetwork } from "../networks/index.ts";
import { type Measured, measure, networkInput } from "../recipes/pictures.ts";
import { trainedRecord } from "../recipes/record.ts";
import type { ClassifierRecord, DigitLayout, Preprocessing } from "../records/record.ts";
import { drawnDigits } from "./digits.ts";

/** What accuracy on drawn digits is said to be measured on. */
export const DRAWN = "drawn-digits";

/** A network, and how it learns. */
export interface DrawnRecipe {
  readonly name: string;
  /** One line for a list. */
  readonly title: string;
  readonly paper: string;
  readonly network: string;
  readonly layout: DigitLayout;
  readonly preprocessing: Preprocessing;
  /** Of scores [N, 10] and labels [N], mean over the batch. */
  readonly loss: (scores: Tensor, labels: Tensor) => Tensor;
  /** The learning rate at its peak. */
  readonly peak: number;
  readonly batchSize: number;
  readonly epochs: number;
  /** Digits drawn for training. */
  readonly samples: number;
  /** Top-1 in per cent on other drawn digits. */
  readonly expected: number;
  /** In a browser, on one thread of a machine that does little else. */
  readonly minutes: number;
}

const COMMON = { library: "pil", interpolation: "bilinear" } as const;

export const drawnRecipes: readonly DrawnRecipe[] = [
  {
    name: "lecun1989",
    title: "The first convolutional network, on digits drawn here",
    paper: "Backpropagation Applied to Handwritten Zip Code Recognition (LeCun et al. 1989)",
    network: "lecun1989",
    layout: "usps",
    preprocessing: { ...COMMON, digit: "usps", mean: [0.5], std: [0.5] },
    loss: squaredErrorLoss,
    peak: 8e-3,
    batchSize: 20,
    epochs: 4,
    samples: 4000,
    expected: 99,
    minutes: 0.2,
  },
  {
    name: "digitnet",
    title: "A small network with the means of today, on digits drawn here",
    paper: "Batch Normalization (Ioffe & Szegedy 2015), on the plan of LeNet-5",
    network: "digitnet",
    layout: "mnist",
    preprocessing: { ...COMMON, mean: [0.1307], std: [0.3081] },
    loss: crossEntropy,
    peak: 5e-3,
    batchSize: 50,
    epochs: 3,
    samples: 4000,
    expected: 99,
    minutes: 0.5,
  },
];

export interface LearnOptions {
  /** Instead of the recipe's own number. */
  readonly epochs?: number | undefined;
  readonly samples?: number | undefined;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (report: ProgressReport) => void;
  /** Told of every evaluation, one after each epoch. */
  readonly evaluated?: (figures: Measured & { epoch: number }) => void;
}

/** A network that was trained, and what is known of it. */
export interface Learned {
  readonly model: Classifier;
  readonly record: ClassifierRecord;
  /** Of the last evaluation; none where it was stopped before. */
  readonly figures: Readonly<Record<string, number>>;
  /** Whether the result is the expected one; undefined where the run was shortened or stopped. */
  readonly passed: boolean | undefined;
}

/** Digits that no training sees. */
const TESTED = 1000;

/** Draws digits and trains on them. A run that is stopped gives the network as far as it came. */
export async function learnDrawn(recipe: DrawnRecipe, tag: string, options: LearnOptions): Promise<Learned> {
  const { network, layout, preprocessing, loss, peak } = recipe;
  const { epochs = recipe.epochs, samples = recipe.samples, seed = 0, signal, progress } = options;
  const { images, labels } = drawnDigits(samples, seed, layout);
  const test = drawnDigits(TESTED, seed + 1, layout);
  const batchSize = Math.min(recipe.batchSize, samples);
  const steps = epochs * Math.floor(samples / batchSize);

  manualSeed(seed);
  const model = createNetwork(network);
  const { metrics, reason } = await fit({
    model,
    optimizer: new Adam(model, { lr: schedules.oneCycle({ peak, steps }) }),
    data: new DataLoader(arrays({ images, labels }), { batchSize, shuffle: true, seed, dropLast: true }),
    loss: (batch) => loss(model.forward(networkInput(batch.images, preprocessing)), batch.labels),
    epochs,
    evaluate: async ({ epoch }) => {
      const figures = await measure(test, preprocessing, (x) => model.forward(x), loss);
      options.evaluated?.({ epoch, ...figures });
      return { ...figures };
    },
    ...(signal && { signal }),
    progress: progress ?? false,
  });
  const whole = reason === "finished" && epochs === recipe.epochs && samples === recipe.samples;
  const about = { ...recipe, dataset: DRAWN, classes: { count: 10, labels: "digits" } } as const;
  return {
    model,
    record: trainedRecord(about, `${network}.${tag}`, metrics.top1),
    figures: metrics,
    passed: whole ? (metrics.top1 ?? 0) >= recipe.expected : undefined,
  };
}
