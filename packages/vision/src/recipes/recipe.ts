/** What a recipe is: data, network and training that together give a known result. */
import type { ProgressReport } from "@tessera-ml/nn";
import type { DatasetName } from "../data/index.ts";
import type { Classes, Preprocessing } from "../records/record.ts";

/** The figure a recipe is judged by, and what it has to be. */
export interface Expectation {
  /** One of the figures that the run gives, in per cent: `top1`, or `error` (100 − `top1`). */
  readonly metric: "top1" | "error";
  readonly atLeast?: number;
  readonly atMost?: number;
  /** What was published, and by whom: for people. */
  readonly published?: string;
}

export interface RecipeOptions {
  /** Where checkpoints, `metrics.jsonl` and the result go. A run that was killed goes on from there. */
  readonly folder: string;
  /** Default 0. */
  readonly seed?: number;
  /** Instead of the recipe's own number. The expected result is then not checked. */
  readonly epochs?: number;
  /** Uses only so many training samples, for a quick look. The expected result is then not checked. */
  readonly samples?: number;
  /** Progress on the terminal (default), none, or elsewhere. */
  readonly progress?: boolean | ((report: ProgressReport) => void);
  /** Told of every evaluation. */
  readonly evaluated?: (figures: { epoch: number; loss: number; top1: number }) => void;
  readonly signal?: AbortSignal;
}

export interface RecipeResult {
  readonly recipe: string;
  /** Network by its name in the registry. */
  readonly network: string;
  /** `top1` and `error` in per cent, and the mean `loss`, on the whole test set. */
  readonly figures: Readonly<Record<string, number>>;
  readonly epochs: number;
  readonly seed: number;
  /** Training samples that were used. */
  readonly samples: number;
  /** Of this process, without what it did before it was resumed. */
  readonly seconds: number;
  /** The trained network, `.safetensors`. */
  readonly checkpoint: string;
  /** Whether the result is the expected one; undefined where the run was shortened or stopped. */
  readonly passed: boolean | undefined;
}

/** Trains one network of the registry on one data set. */
export interface Recipe {
  readonly name: string;
  /** One line for a list. */
  readonly title: string;
  readonly paper: string;
  readonly network: string;
  readonly dataset: DatasetName;
  /** From a picture to the network's input; training and testing read the data set the same way. */
  readonly preprocessing: Preprocessing;
  readonly classes: Classes;
  readonly epochs: number;
  readonly expected: Expectation;
  /** Measured on two cores. */
  readonly minutes: number;
  /** What its network cannot do, besides what all with its classes cannot: a sentence for the model card. */
  readonly limits?: string;
  run(options: RecipeOptions): Promise<RecipeResult>;
}
