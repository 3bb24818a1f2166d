/** Turns a recipe's choices into a complete run: training, evaluation, files and the verdict. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CheckpointRecord, writeAtomic } from "@tessera-ml/hub";
import { type FitOptions, fit, type Module } from "@tessera-ml/nn";
import { manualSeed } from "@tessera-ml/tensor";
import type * as z from "zod";
import { type OptionValues, parseOptions } from "../options.ts";
import { MODEL } from "../records.ts";
import { type NamedSettings, requireSame } from "../same-settings.ts";
import type { Metric } from "../task.ts";
import { meets, type Recipe, type RecipeOptions, type RecipeResult, type RecipeSummary } from "./recipe.ts";
import { type Shipping, shipRecipe } from "./ship.ts";

/** What a recipe's `prepare` is given. `Options` are the recipe's own, validated and with defaults. */
export interface RecipeSetting<Options = object> {
  readonly epochs: number;
  readonly seed: number;
  /** Maximum number of training samples; infinite for all. */
  readonly samples: number;
  readonly signal: AbortSignal | undefined;
  readonly options: Options;
}

/** A recipe's choices: the training section of its paper. */
export interface RecipePlan<B>
  extends Pick<
    FitOptions<B>,
    "optimizer" | "data" | "loss" | "ema" | "clipNorm" | "accumulate" | "evaluateEvery"
  > {
  readonly module: Module;
  /** Number of training samples used. */
  readonly samples: number;
  /** Metrics of the network by name, on the whole test set, in inference mode. */
  readonly evaluate: () => Promise<Record<string, number>>;
}

/** A network and its evaluation. */
export interface Measurable {
  readonly module: Module;
  readonly evaluate: () => Promise<Record<string, number>>;
}

/** The parts of a recipe that differ between recipes. */
export interface RecipeDefinition<B, S extends z.ZodObject = z.ZodObject> extends RecipeSummary {
  readonly options?: S;
  /** The network, where an option chooses it. Default: `network`. */
  readonly networkOf?: (options: z.output<S>) => string;
  /** Loads the data and builds the network, with random numbers from the run's seed. */
  readonly prepare: (setting: RecipeSetting<z.output<S>>) => Promise<RecipePlan<B>>;
  /** A freshly initialized network and its evaluation, for shipping. Default: those from `prepare`. */
  readonly measure?: (options: z.output<S>) => Promise<Measurable>;
  /** How metrics are displayed; default their names and bare numbers. */
  readonly metrics?: Readonly<Record<string, Metric>>;
  /** The metrics stored in the record. Default: all except the loss. */
  readonly recorded?: readonly string[];
  /** The data's title, and its licence with source, for the model card. */
  readonly card?: (options: z.output<S>) => { readonly data: string; readonly licence: string };
  /** Task-specific fields of the record: preprocessing, labels, … */
  readonly details?: (options: z.output<S>) => object;
}

export function defineRecipe<B, S extends z.ZodObject = z.ZodObject>(
  definition: RecipeDefinition<B, S>,
): Recipe {
  const { prepare, measure, details, recorded, card, metrics, networkOf, ...info } = definition;
  const whole = { epochs: info.epochs, seed: 0, samples: Number.POSITIVE_INFINITY, signal: undefined };
  const { label, unit } = metrics?.[info.expected.metric] ?? {};
  const recipe: Recipe = {
    ...info,
    expected: { ...(label && { label }), ...(unit && { unit }), ...info.expected },
    networkOf: (values) =>
      networkOf ? networkOf(parseOptions(info.name, info.options, values)) : info.network,
    run: (options) => run(definition, recipe, options),
    record: (name, figures, values) =>
      recordOf(definition, name, figures, parseOptions(info.name, info.options, values)),
    ship: (folder, shipOptions) => {
      const shippingWith = (values: OptionValues | undefined): Shipping => {
        const options = parseOptions(info.name, info.options, values);
        return {
          measure: () => measure?.(options) ?? prepare({ ...whole, options }),
          about: card?.(options),
          metrics,
        };
      };
      return shipRecipe(recipe, shippingWith, folder, shipOptions);
    },
  };
  return recipe;
}

/** The `record.json` beside {@link MODEL} that makes a trained network a regular checkpoint. */
function recordOf<B, S extends z.ZodObject>(
  { task, network, networkOf, dataset, paper, recorded, details }: RecipeDefinition<B, S>,
  name: string,
  figures: Readonly<Record<string, number>>,
  options: z.output<S>,
): CheckpointRecord {
  const kept = Object.entries(figures).filter(([key]) =>
    recorded ? recorded.includes(key) : key !== "loss",
  );
  const metrics = Object.fromEntries(kept.map(([key, value]) => [key, Number(value.toFixed(4))]));
  return {
    name,
    task,
    network: networkOf?.(options) ?? network,
    source: "tessera",
    files: [{ file: MODEL }],
    licence: "Apache-2.0",
    ...(kept.length > 0 && { evaluation: { dataset, metrics } }),
    reference: paper,
    ...details?.(options),
  };
}

/** Settings that must stay the same when a run is resumed. */
interface Settings {
  readonly recipe: string;
  readonly seed: number;
  readonly epochs: number;
  readonly samples: number;
  readonly options?: OptionValues;
}

/**
 * Trains, resuming from the newest checkpoint in the folder if there is one. A finished run returns its stored result.
 *
 * @throws RangeError naming an invalid option
 * @throws HubError `absent` if the data set is not on this machine; an error if the folder holds another run
 */
async function run<B, S extends z.ZodObject>(
  definition: RecipeDefinition<B, S>,
  recipe: Recipe,
  runOptions: RecipeOptions,
): Promise<RecipeResult> {
  const { folder, seed = 0, signal, progress = true, evaluated } = runOptions;
  const options = parseOptions(recipe.name, definition.options, runOptions.options);
  const begin = performance.now();
  const epochs = runOptions.epochs ?? recipe.epochs;
  manualSeed(seed);
  const most = runOptions.samples ?? Number.POSITIVE_INFINITY;
  const plan = await definition.prepare({ epochs, seed, samples: most, signal, options });
  const { module, samples, evaluate, evaluateEvery = { epochs: 1 }, ...training } = plan;
  const settings: Settings = {
    ...{ recipe: recipe.name, seed, epochs, samples },
    ...(definition.options && { options }),
  };
  const finishedBefore = await enter(folder, settings);
  if (finishedBefore) return finishedBefore;

  const stepsPerEpoch = Math.floor(training.data.batches / (training.accumulate ?? 1));
  const fitted = await fit({
    ...training,
    model: module,
    epochs,
    evaluate: async ({ epoch }) => {
      const figures = await evaluate();
      evaluated?.({ epoch, figures });
      return { ...figures };
    },
    evaluateEvery,
    checkpoints: { folder: join(folder, "checkpoints") },
    metrics: join(folder, "metrics.jsonl"),
    metricsEvery: Math.max(10, Math.ceil(stepsPerEpoch / 50)),
    ...(signal && { signal }),
    progress,
  });

  const checkpoint = join(folder, MODEL);
  const network = recipe.networkOf(options);
  const save = () => module.save(checkpoint, { metadata: { recipe: recipe.name, network } });
  await (training.ema ? training.ema.during(save) : save());
  const figures = fitted.metrics as Record<string, number>;
  const record = recipe.record(`${network}.run`, figures, options);
  await writeAtomic(join(folder, "record.json"), `${JSON.stringify(record, null, 2)}\n`);
  const finished = fitted.reason === "finished";
  const complete = finished && epochs === recipe.epochs && runOptions.samples === undefined;
  const result: RecipeResult = {
    ...settings,
    network,
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

/** Claims the folder for this run or checks that it belongs to it. Returns the result if the run has finished. */
async function enter(folder: string, settings: Settings): Promise<RecipeResult | undefined> {
  const path = join(folder, SETTINGS);
  if (!existsSync(path)) {
    await writeAtomic(path, `${JSON.stringify(settings)}\n`);
    return undefined;
  }
  const found = JSON.parse(await readFile(path, "utf8")) as Settings;
  requireSame(folder, "run", flat(settings), flat(found));
  return await readResult(folder);
}

/** Options stand beside the other settings, as `option NAME`. */
function flat({ options = {}, ...settings }: Settings): NamedSettings {
  const named = Object.entries(options).map(([name, value]) => [`option ${name}`, value]);
  return { ...settings, ...Object.fromEntries(named) };
}

/** The result of the run in a folder; undefined if none has finished. */
export async function readResult(folder: string): Promise<RecipeResult | undefined> {
  const path = join(folder, RESULT);
  if (!existsSync(path)) return undefined;
  const result = JSON.parse(await readFile(path, "utf8")) as RecipeResult;
  // The folder may have been moved since.
  return { ...result, checkpoint: join(folder, MODEL) };
}
