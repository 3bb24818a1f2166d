/** Recipes of classifiers: they share data loading and evaluation. */

import { defineRecipe, type Recipe, type RecipeSetting, type RecipeSummary } from "@tessera-ml/kit/training";
import type { Batch, Random } from "@tessera-ml/media";
import { arrays, type Batches, crossEntropy, DataLoader, type EMA, type Updates } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { type DatasetName, findDataset, loadDataset } from "../data/index.ts";
import { createNetwork } from "../networks/index.ts";
import { type Classes, metrics, type Preprocessing, TASK } from "../records/record.ts";
import { type LabelledImages, measure, networkInput, type Pixels, spread } from "./pictures.ts";

/** A batch as stored in the data set, before the training step preprocesses it. */
export interface PictureBatch {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** What a recipe's `train` is given. */
export interface Setting {
  /** The recipe's network, with freshly initialized parameters. */
  readonly model: Classifier;
  readonly train: LabelledImages;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Over the whole run, for schedules. */
  readonly steps: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** A recipe's choices: the training section of its paper. */
export interface ClassifierTraining {
  readonly optimizer: Updates;
  /** Mean loss over the batch. Scores [N, classes], labels [N]. */
  readonly loss: (scores: Tensor, labels: Tensor) => Tensor;
  /** Training objective, if not the loss of the network's scores. Images are preprocessed. */
  readonly objective?: (images: Tensor, labels: Tensor) => Tensor;
  /** The forward pass for evaluation; default the network's own. */
  readonly scores?: (images: Tensor) => Tensor;
  /** Reshuffles every epoch; default true. */
  readonly shuffle?: boolean;
  /** Augments the images of a batch before they are normalised. */
  readonly augment?: (images: Batch<Pixels>, random: Random) => Batch<Pixels>;
  /** Replaces the default batching; excludes `shuffle` and `augment`. */
  readonly data?: Batches<PictureBatch>;
  readonly ema?: EMA;
  readonly clipNorm?: number;
  /** Epochs between evaluations; default 1. */
  readonly evaluateEvery?: number;
}

/** A recipe of a classifier. */
export interface ClassifierRecipe extends Recipe {
  readonly preprocessing: Preprocessing;
  readonly classes: Classes;
}

/** Definition of a classifier's recipe. */
export interface ClassifierRecipeDefinition extends Omit<RecipeSummary, "task" | "dataset"> {
  readonly dataset: DatasetName;
  /** From an image to the network's input, for training and evaluation alike. */
  readonly preprocessing: Preprocessing;
  readonly classes: Classes;
  /** Samples per step. */
  readonly batchSize: number;
  readonly train: (setting: Setting) => ClassifierTraining | Promise<ClassifierTraining>;
}

const METRICS = { ...metrics, error: { label: "error", unit: "%", better: "less" } } as const;

export function defineClassifierRecipe(definition: ClassifierRecipeDefinition): ClassifierRecipe {
  const { batchSize: _, train: __, preprocessing, classes, ...info } = definition;
  const { network, dataset } = info;
  const recipe = defineRecipe<PictureBatch>({
    ...info,
    task: TASK,
    metrics: METRICS,
    limits: [LIMITS[classes.labels] ?? "It assigns every image to one of its classes.", info.limits]
      .filter(Boolean)
      .join(" "),
    recorded: ["top1"],
    details: () => ({ preprocessing, classes }),
    prepare: (setting) => prepare(definition, setting),
    measure: async () => {
      const module = createNetwork(network);
      const test = await readPictures(dataset, "test");
      return { module, evaluate: () => figures(test, preprocessing, (x) => module.forward(x), crossEntropy) };
    },
    card: () => {
      const { title, licence, reference } = findDataset(dataset);
      return { data: title, licence: `${licence} (${reference})` };
    },
  });
  return { ...recipe, preprocessing, classes };
}

async function prepare(
  recipe: ClassifierRecipeDefinition,
  { epochs, seed, samples: most, signal }: RecipeSetting,
) {
  const { preprocessing } = recipe;
  const test = await readPictures(recipe.dataset, "test", signal);
  const train = spread(await readPictures(recipe.dataset, "train", signal), most);
  const samples = train.labels.length;
  const model = createNetwork(recipe.network);
  const batchSize = Math.min(recipe.batchSize, samples);
  const stepsPerEpoch = Math.floor(samples / batchSize);
  const setting = { model, train, epochs, stepsPerEpoch, steps: epochs * stepsPerEpoch, batchSize, seed };
  const training = await recipe.train(setting);
  const { loss, optimizer, ema, clipNorm, evaluateEvery = 1 } = training;
  const objective = training.objective ?? ((x, y) => loss(model.forward(x), y));
  const scores = training.scores ?? ((x) => model.forward(x));
  return {
    module: model,
    samples,
    optimizer,
    data: training.data ?? batchesOf(setting, training),
    loss: ({ images, labels }: PictureBatch) => objective(networkInput(images, preprocessing), labels),
    ...(ema && { ema }),
    ...(clipNorm !== undefined && { clipNorm }),
    evaluateEvery: { epochs: evaluateEvery },
    evaluate: () => figures(test, preprocessing, scores, loss),
  };
}

async function figures(...args: Parameters<typeof measure>): Promise<Record<string, number>> {
  const { loss, top1 } = await measure(...args);
  return { loss, top1, error: 100 - top1 };
}

/** One split. @throws HubError `absent` if the data set is not on this machine */
export async function readPictures(
  name: DatasetName,
  split: "train" | "test",
  signal?: AbortSignal,
): Promise<LabelledImages> {
  const { images, labels, shape } = await loadDataset(name, { split, signal });
  return { images: { data: images, shape }, labels: Int32Array.from(labels) };
}

/** The training set in batches of equal size; a remainder is dropped and differs in each epoch. */
function batchesOf(
  { train, batchSize, seed }: Setting,
  { shuffle = true, augment = (images) => images }: ClassifierTraining,
): Batches<PictureBatch> {
  const { images, labels } = train;
  return new DataLoader(arrays({ images, labels }), {
    batchSize,
    shuffle,
    seed,
    dropLast: true,
    // `arrays` keeps the dtype and the four axes of its input.
    augment: (batch, random) => ({ ...batch, images: augment(batch.images as Batch<Pixels>, random) }),
  });
}

/** Known limits, by label set. */
const LIMITS: Partial<Record<Classes["labels"], string>> = {
  digits:
    "It reads a single digit, light on dark, centred and scaled as in its data set. It classifies anything else as a digit too, often with high probability. Its training data was written by Americans: it may misread a 1 with a long upstroke or a 7 with a bar.",
  cifar10:
    "It knows ten classes in images of 32x32 pixels and assigns everything to one of them. Photographs scaled down to that size do not look like its training images, so its probabilities mean little there.",
};
