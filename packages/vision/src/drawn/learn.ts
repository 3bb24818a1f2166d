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

/** The data set name in the record of a network evaluated on drawn digits. */
export const DRAWN = "drawn-digits";

/** A network and its training settings. */
export interface DrawnRecipe {
  readonly name: string;
  /** One line for lists. */
  readonly title: string;
  readonly paper: string;
  readonly network: string;
  readonly layout: DigitLayout;
  readonly preprocessing: Preprocessing;
  /** Mean loss over the batch, of scores [N, 10] and labels [N]. */
  readonly loss: (scores: Tensor, labels: Tensor) => Tensor;
  /** Peak learning rate. */
  readonly peak: number;
  readonly batchSize: number;
  readonly epochs: number;
  /** Number of digits drawn for training. */
  readonly samples: number;
  /** Top-1 in per cent on held-out drawn digits. */
  readonly expected: number;
  /** In a browser, single-threaded on an idle machine. */
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
    title: "A small digit network with modern techniques, on digits drawn here",
    paper: "Batch Normalization (Ioffe & Szegedy 2015), in the layout of LeNet-5",
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
  /** Overrides the recipe's number. */
  readonly epochs?: number | undefined;
  readonly samples?: number | undefined;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (report: ProgressReport) => void;
  /** Called after the evaluation at the end of each epoch. */
  readonly evaluated?: (figures: Measured & { epoch: number }) => void;
}

/** A trained network and its record. */
export interface Learned {
  readonly model: Classifier;
  readonly record: ClassifierRecord;
  /** The last evaluation; empty if training stopped before the first. */
  readonly figures: Readonly<Record<string, number>>;
  /** Whether the result meets the expectation; undefined if the run was shortened or stopped. */
  readonly passed: boolean | undefined;
}

/** Held-out digits drawn for the evaluation. */
const TESTED = 1000;

/** Draws digits and trains on them. A stopped run returns the network in its current state. */
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
