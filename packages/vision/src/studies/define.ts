/** Turns a study's measurements into a `Study`: scale, seed, progress and timing are common to all. */

import {
  defineStudy as defineAnyStudy,
  type Plot,
  type Study,
  StudyContext,
  type StudyMeasured,
  type Table,
} from "@tessera-ml/kit/studies";
import { type Comparison, compare, type Run, type Variant } from "./compare.ts";
import { type Pictures, pictures, type StudyData } from "./data.ts";

export interface DataOptions {
  /** Number of training images. */
  readonly count: number;
  /** Number of test images. Default 2,000. */
  readonly test?: number;
  readonly epochs: number;
}

/** Settings of a comparison, except those the context provides. */
export type StudyComparison = DataOptions &
  Omit<Comparison, keyof Prepared | "progress"> & { data: StudyData };

/** A study's images and epochs, reduced by its scale. */
interface Prepared {
  readonly train: Pictures;
  readonly test: Pictures;
  readonly epochs: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}

/** What a classifier study measures with. */
export class Context extends StudyContext {
  /** A small scale reduces the epochs; below one epoch, it reduces the images of a single epoch. */
  async #prepare(
    data: StudyData,
    { count, test = 2000, epochs }: DataOptions,
    done: number,
  ): Promise<Prepared> {
    const { scale, seed, signal } = this;
    const share = Math.min(1, epochs * scale);
    const few = (pictures: number) => Math.max(128, Math.round(pictures * share));
    this.say(`reading ${data}`, done);
    return {
      train: await pictures(data, "train", few(count), { seed, signal }),
      test: await pictures(data, "test", few(test), { seed, signal }),
      epochs: Math.max(1, Math.round(epochs * scale)),
      seed,
      signal,
    };
  }

  /** Trains variants and reports progress between `from` and `to`. */
  async compare(
    variants: readonly Variant[],
    { data, count, test, epochs, ...comparison }: StudyComparison,
    [from, to]: readonly [number, number] = [0, 1],
  ): Promise<Run[]> {
    const prepared = await this.#prepare(data, { count, epochs, ...(test && { test }) }, from);
    const progress = (text: string, done: number) => this.say(text, from + (to - from) * done);
    return await compare(variants, { ...comparison, ...prepared, progress });
  }
}

/** Defines a study by its `measure` function. */
export function defineStudy({
  measure,
  ...about
}: Omit<Study, "run"> & { readonly measure: (context: Context) => Promise<StudyMeasured> }): Study {
  return defineAnyStudy({ ...about, measure: (options) => measure(new Context(options)) });
}

/** Training and test error of all runs over the epochs. */
export function errorPlots(runs: readonly Run[]): Plot[] {
  const axes = { xLabel: "epochs", yLabel: "error in %" };
  return [
    { title: "Training error", ...axes, curves: runs.map((run) => run.trainError) },
    { title: "Test error", ...axes, curves: runs.map((run) => run.testError) },
  ];
}

/** Cost and accuracy of each network. */
export function costTable(runs: readonly Run[], title = "Cost and accuracy"): Table {
  return {
    title,
    columns: [
      "network",
      "parameters",
      "MMAC per image",
      "training error %",
      "test error %",
      "spread",
      "step ms",
    ],
    rows: runs.map((run) => [
      run.name,
      run.parameters.toLocaleString("en"),
      (run.macs / 1e6).toFixed(2),
      last(run.trainError.y).toFixed(1),
      last(run.testError.y).toFixed(1),
      run.finals.length > 1 ? `±${(spread(run.finals) / 2).toFixed(1)}` : "one run",
      run.stepTime.toFixed(1),
    ]),
  };
}

export function last(values: readonly number[]): number {
  return values.at(-1) as number;
}

/** The difference between the largest and the smallest value. */
export function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}

/** The run of that name. */
export function runOf(runs: readonly Run[], name: string): Run {
  const found = runs.find((run) => run.name === name);
  if (!found) throw new Error(`study: there is no run called ${name}`);
  return found;
}

/** `12.34` as "12.3 %". */
export function percent(value: number): string {
  return `${value.toFixed(1)} %`;
}
