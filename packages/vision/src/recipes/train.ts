/** From a recipe's own decisions to a whole run: data, training, evaluation, files, and the verdict. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "@tessera-ml/hub";
import type { Batch, Random } from "@tessera-ml/media";
import { arrays, type Batches, DataLoader, type EMA, fit, type Updates } from "@tessera-ml/nn";
import { manualSeed, type Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { createModel } from "../registry.ts";
import { measure, networkInput, type Pictures, type Pixels, spread } from "./pictures.ts";
import { readPictures } from "./read.ts";
import type { Expectation, Recipe, RecipeOptions, RecipeResult } from "./recipe.ts";
import { MODEL, recordOf } from "./record.ts";

/** A batch as the data set holds it, on its way into the step. */
export interface PictureBatch {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** What a recipe decides with. */
export interface Setting {
  /** The network of the registry, with fresh parameters. */
  readonly model: Classifier;
  readonly train: Pictures;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Of the whole run, for schedules. */
  readonly steps: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** What a recipe decides: the paper's section on training. */
export interface Training {
  readonly optimizer: Updates;
  /** Mean over the batch. Scores [N, classes], labels [N]. */
  readonly loss: (scores: Tensor, labels: Tensor) => Tensor;
  /** What is minimised, where it is not the loss of the network's scores. Images as the network reads them. */
  readonly objective?: (images: Tensor, labels: Tensor) => Tensor;
  /** How the network is asked in the evaluation; default: its forward pass. */
  readonly scores?: (images: Tensor) => Tensor;
  /** Another order in every epoch; default true. */
  readonly shuffle?: boolean;
  /** Changes the pictures of a batch, before they are normalised. */
  readonly augment?: (images: Batch<Pixels>, random: Random) => Batch<Pixels>;
  /** Batches made otherwise, instead of `shuffle` and `augment`. */
  readonly data?: Batches<PictureBatch>;
  readonly ema?: EMA;
  readonly clipNorm?: number;
  /** Epochs from one evaluation to the next; default 1. */
  readonly evaluateEvery?: number;
}

/** A recipe without its `run`, and how it trains. */
export interface RecipeDefinition extends Omit<Recipe, "run"> {
  /** Samples in a step. */
  readonly batchSize: number;
  readonly train: (setting: Setting) => Training | Promise<Training>;
}

export function defineRecipe(definition: RecipeDefinition): Recipe {
  const { batchSize: _, train: __, ...recipe } = definition;
  return { ...recipe, run: (options) => run(definition, options) };
}

/** What must not change from one process of a run to the next. */
interface Settings {
  readonly recipe: string;
  readonly seed: number;
  readonly epochs: number;
  readonly samples: number;
}

/**
 * Trains, and goes on from the newest checkpoint of the folder where there is one. A run that has ended
 * gives its result again.
 *
 * @throws HubError `absent` where the data set is not on this machine; an error where the folder holds
 *   another run
 */
async function run(recipe: RecipeDefinition, options: RecipeOptions): Promise<RecipeResult> {
  const { folder, seed = 0, signal, progress = true, evaluated } = options;
  const begin = performance.now();
  const whole = await readPictures(recipe.dataset, { split: "train", signal });
  const test = await readPictures(recipe.dataset, { split: "test", signal });
  const train = spread(whole, options.samples ?? Number.POSITIVE_INFINITY);
  const samples = train.labels.length;
  const epochs = options.epochs ?? recipe.epochs;
  const settings: Settings = { recipe: recipe.name, seed, epochs, samples };
  const ended = await enter(folder, settings);
  if (ended) return ended;

  manualSeed(seed);
  const model = createModel(recipe.network);
  const batchSize = Math.min(recipe.batchSize, samples);
  const stepsPerEpoch = Math.floor(samples / batchSize);
  const setting = { model, train, epochs, stepsPerEpoch, steps: epochs * stepsPerEpoch, batchSize, seed };
  const training = await recipe.train(setting);
  const { loss, ema, optimizer, clipNorm, evaluateEvery = 1 } = training;
  const objective = training.objective ?? ((x, y) => loss(model.forward(x), y));
  const scores = training.scores ?? ((x) => model.forward(x));

  const fitted = await fit({
    model,
    optimizer,
    data: training.data ?? batchesOf(setting, training),
    loss: ({ images, labels }) => objective(networkInput(images, recipe.preprocessing), labels),
    epochs,
    ...(ema && { ema }),
    ...(clipNorm !== undefined && { clipNorm }),
    evaluate: async ({ epoch }) => {
      const figures = await measure(test, recipe.preprocessing, scores, loss);
      evaluated?.({ epoch, ...figures });
      return { ...figures };
    },
    evaluateEvery: { epochs: evaluateEvery },
    checkpoints: { folder: join(folder, "checkpoints") },
    metrics: join(folder, "metrics.jsonl"),
    metricsEvery: Math.max(10, Math.ceil(stepsPerEpoch / 50)),
    ...(signal && { signal }),
    progress,
  });

  const checkpoint = join(folder, MODEL);
  const save = () => model.save(checkpoint, { metadata: { recipe: recipe.name, network: recipe.network } });
  await (ema ? ema.during(save) : save());
  const { top1 } = fitted.metrics;
  const record = recordOf(recipe, `${recipe.network}.run`, top1);
  await writeAtomic(join(folder, "record.json"), `${JSON.stringify(record, null, 2)}\n`);
  const figures = { ...fitted.metrics, ...(top1 !== undefined && { error: 100 - top1 }) };
  const finished = fitted.reason === "finished";
  const complete = finished && epochs === recipe.epochs && samples === whole.labels.length;
  const result: RecipeResult = {
    ...settings,
    network: recipe.network,
    figures,
    seconds: (performance.now() - begin) / 1000,
    checkpoint,
    passed: complete ? meets(recipe.expected, figures) : undefined,
  };
  if (finished) await writeAtomic(join(folder, RESULT), `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

const SETTINGS = "run.json";
const RESULT = "result.json";

/** Makes the folder this run's, or checks that it is; the result, where the run has ended. */
async function enter(folder: string, settings: Settings): Promise<RecipeResult | undefined> {
  const path = join(folder, SETTINGS);
  if (!existsSync(path)) {
    await writeAtomic(path, `${JSON.stringify(settings)}\n`);
    return undefined;
  }
  const found = JSON.parse(await readFile(path, "utf8")) as Settings;
  for (const key of ["recipe", "seed", "epochs", "samples"] as const)
    if (found[key] !== settings[key])
      throw new Error(
        `${folder}: expected a run with ${key} ${settings[key]}, it holds one with ${found[key]}; choose another folder or delete it`,
      );
  return await readResult(folder);
}

/** What a run in this folder gave; undefined where none has ended. */
export async function readResult(folder: string): Promise<RecipeResult | undefined> {
  const path = join(folder, RESULT);
  if (!existsSync(path)) return undefined;
  const result = JSON.parse(await readFile(path, "utf8")) as RecipeResult;
  // The folder may have been moved since.
  return { ...result, checkpoint: join(folder, MODEL) };
}

/** Whether a figure is what the recipe promises. */
export function meets(expected: Expectation, figures: Readonly<Record<string, number>>): boolean {
  const { metric, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = expected;
  const value = figures[metric];
  if (value === undefined)
    throw new Error(`expected the figure ${metric}, there are ${Object.keys(figures).join(", ")}`);
  return value >= atLeast && value <= atMost;
}

/** The training set in batches of one size; those left over in an epoch come in another one. */
function batchesOf(
  { train, batchSize, seed }: Setting,
  { shuffle = true, augment = (images) => images }: Training,
): Batches<PictureBatch> {
  const { images, labels } = train;
  return new DataLoader(arrays({ images, labels }), {
    batchSize,
    shuffle,
    seed,
    dropLast: true,
    // `arrays` gives pictures in the type and the four axes that it was given.
    augment: (batch, random) => ({ ...batch, images: augment(batch.images as Batch<Pixels>, random) }),
  });
}
