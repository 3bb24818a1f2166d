/** A recipe: data, network and training that together give a known result. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import type { ProgressReport } from "@tessera-ml/nn";
import type * as z from "zod";
import type { OptionValues } from "../options.ts";

/** The metric a recipe is judged by, and the value it must reach. */
export interface Expectation {
  /** One of the metrics the run produces. */
  readonly metric: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** For display, as in {@link Metric}; default the metric's name, no unit. */
  readonly label?: string;
  readonly unit?: string;
  /** The published value and its source. */
  readonly published?: string;
}

export interface RecipeOptions {
  /** Folder for checkpoints, `metrics.jsonl` and the result. A killed run resumes from it. */
  readonly folder: string;
  /** Default 0. */
  readonly seed?: number;
  /** Overrides the recipe's own number. The expected result is then not checked. */
  readonly epochs?: number;
  /** Limits the number of training samples, for a quick look. The expected result is then not checked. */
  readonly samples?: number;
  /** Values of the recipe's own options, by name; those left out take their defaults. */
  readonly options?: OptionValues;
  /** Reports progress on the terminal (default), not at all, or to a callback. */
  readonly progress?: boolean | ((report: ProgressReport) => void);
  /** Called after every evaluation. */
  readonly evaluated?: (evaluation: {
    readonly epoch: number;
    readonly figures: Readonly<Record<string, number>>;
  }) => void;
  readonly signal?: AbortSignal;
}

export interface RecipeResult {
  readonly recipe: string;
  /** The network's name in the registry. */
  readonly network: string;
  /** Metrics by name, on the whole test set. */
  readonly figures: Readonly<Record<string, number>>;
  readonly epochs: number;
  readonly seed: number;
  /** Number of training samples used. */
  readonly samples: number;
  /** Values of the recipe's own options; absent if it has none. */
  readonly options?: OptionValues;
  /** Of this process only, excluding time before a resume. */
  readonly seconds: number;
  /** The trained network, `.safetensors`. */
  readonly checkpoint: string;
  /** Whether the result meets the expectation; undefined if the run was shortened or stopped. */
  readonly passed: boolean | undefined;
}

/** What lists show of a recipe. */
export interface RecipeSummary {
  readonly name: string;
  /** One line for lists. */
  readonly title: string;
  readonly paper: string;
  /** The task's name. */
  readonly task: string;
  readonly network: string;
  /** The data set's name, or where the data comes from. */
  readonly dataset: string;
  readonly epochs: number;
  readonly expected: Expectation;
  /** Measured on two cores. */
  readonly minutes: number;
  /** Known limits of the network: sentences for the model card. */
  readonly limits?: string;
  /** Options of this recipe alone, as flags of `tessera train NAME`. Their values must be JSON. */
  readonly options?: z.ZodObject;
}

/** Trains one network of the registry on one data set. */
export interface Recipe extends RecipeSummary {
  run(options: RecipeOptions): Promise<RecipeResult>;
  /** The network that a run with these values of the recipe's own options trains. */
  networkOf(options?: OptionValues): string;
  /** The record of the trained network. @param name `network.tag` */
  record(name: string, figures: Readonly<Record<string, number>>, options?: OptionValues): CheckpointRecord;
  /**
   * Adds the network of a finished run to `models/`, or to the folder that `TESSERA_MODELS` names.
   *
   * @throws if the run has not ended or missed its expected result
   */
  ship(folder: string, options?: { readonly force?: boolean }): Promise<CheckpointRecord>;
}

/** `top-1 ≥ 98.7 %` */
export function describeExpected({ metric, label = metric, unit, atLeast, atMost }: Expectation): string {
  const bounds = [atLeast !== undefined && `≥ ${atLeast}`, atMost !== undefined && `≤ ${atMost}`];
  return `${label} ${bounds.filter(Boolean).join(" and ")}${unit ? ` ${unit}` : ""}`;
}

/** Whether the metrics meet the expectation. */
export function meets(
  { metric, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Expectation,
  figures: Readonly<Record<string, number>>,
): boolean {
  const value = figures[metric];
  if (value === undefined)
    throw new Error(`expected the metric ${metric}, got ${Object.keys(figures).join(", ")}`);
  return value >= atLeast && value <= atMost;
}
