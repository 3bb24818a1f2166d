/** Trains the networks of a study by the recipes, each once for a seed, and measures them image by image. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Curve, StudyContext, type StudyOptions } from "@tessera-ml/kit/studies";
import type { OptionValues, Recipe } from "@tessera-ml/kit/training";
import { boundaryF1 } from "../boundary.ts";
import { DepthEstimator } from "../estimator.ts";
import { evaluateSet, type FrameSet, type Mean, meanWithInterval } from "../evaluate/index.ts";
import { mapOf } from "../outputs/values.ts";

/** One training. */
export interface Job {
  readonly recipe: Recipe;
  readonly epochs: number;
  /** Training samples; default all. */
  readonly samples?: number;
  readonly options: OptionValues;
}

/** One figure of one network: by seed, then by image. */
type Figures = readonly (readonly number[])[];

/** A network of the study, with its figures by name. */
export interface Variant {
  readonly name: string;
  readonly figures: Readonly<Record<string, Figures>>;
  /** AbsRel on the recipe's test images over the steps of the first run. */
  readonly curve: Curve;
}

/** A set to measure on, with what is measured: `accuracy` against sensors, `edges` against exact depth. */
export interface Measured {
  readonly what: "accuracy" | "edges";
  readonly sets: readonly FrameSet[];
}

export class Runs extends StudyContext {
  readonly #folder: string;
  readonly #seeds: number;
  readonly #measured: readonly Measured[];
  readonly #networks: number;
  #done = 0;

  private constructor(
    options: StudyOptions,
    folder: string,
    { seeds, measured, networks }: { seeds: number; measured: readonly Measured[]; networks: number },
  ) {
    super(options);
    this.#folder = folder;
    this.#seeds = seeds;
    this.#measured = measured;
    this.#networks = networks;
  }

  /** Runs `use` with a folder for the trainings, temporary unless the study has one. */
  static async within<T>(
    options: StudyOptions,
    setting: { readonly seeds: number; readonly measured: readonly Measured[]; readonly networks: number },
    use: (runs: Runs) => Promise<T>,
  ): Promise<T> {
    if (options.folder !== undefined) return await use(new Runs(options, options.folder, setting));
    const folder = await mkdtemp(join(tmpdir(), "tessera-study-"));
    try {
      return await use(new Runs(options, folder, setting));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Seeds of the runs: those of another `--seed` are others. */
  get seeds(): number[] {
    return Array.from({ length: this.#seeds }, (_, i) => this.seed * this.#seeds + i);
  }

  /** Where one run of one network is kept. */
  folderOf(name: string, seed: number): string {
    return join(this.#folder, `${name.replaceAll(/[^a-z0-9]+/gi, "-")}-${seed}`);
  }

  /** Trains a network once for every seed, or finds it trained, and measures it. */
  async train(name: string, jobOf: (seed: number) => Job | Promise<Job>): Promise<Variant> {
    const figures: Record<string, number[][]> = {};
    for (const [i, seed] of this.seeds.entries()) {
      const { recipe, ...job } = await jobOf(seed);
      const say = (text: string, done: number) =>
        this.say(`${name}, run ${i + 1} of ${this.#seeds}: ${text}`, this.#share(done));
      say("preparing", 0);
      const folder = this.folderOf(name, seed);
      await recipe.run({
        ...job,
        ...{ folder, seed },
        ...(this.signal && { signal: this.signal }),
        progress: ({ step, steps }) => say(`step ${step} of ${steps}`, step / steps),
      });
      this.signal?.throwIfAborted();
      for (const [figure, values] of Object.entries(await this.#measure(folder))) {
        figures[figure] ??= [];
        figures[figure].push(values);
      }
      this.#done++;
    }
    return { name, figures, curve: await curveOf(name, this.folderOf(name, this.seeds[0]!)) };
  }

  /** The fraction of all trainings that are completed. */
  get done(): number {
    return this.#share(0);
  }

  #share(done: number): number {
    return Math.min(1, (this.#done + done) / (this.#networks * this.#seeds));
  }

  /** Figures of a trained network, one value for each image. */
  async #measure(folder: string): Promise<Record<string, number[]>> {
    const estimator = await DepthEstimator.load(folder);
    const figures: Record<string, number[]> = {};
    const note = (name: string, value: number) => {
      figures[name] ??= [];
      figures[name].push(value);
    };
    try {
      for (const { what, sets } of this.#measured)
        for (const set of sets)
          await evaluateSet(async (image) => mapOf(await estimator.estimate(image)), set, {
            signal: this.signal,
            inspect: (_, { depth, target, metrics }) => {
              if (what === "edges") return note("edges", boundaryF1(depth.data, target.data, depth));
              note("absRel", metrics.absRel);
              note("delta1", metrics.delta1);
            },
          });
    } finally {
      estimator.release();
    }
    return figures;
  }
}

/** What the recipe measured while it trained. */
async function curveOf(name: string, folder: string): Promise<Curve> {
  const lines = (await readFile(join(folder, "metrics.jsonl"), "utf8")).trim().split("\n");
  const points = lines
    .map((line) => JSON.parse(line) as { step: number; absRel?: number })
    .filter(({ absRel }) => absRel !== undefined);
  return { name, x: points.map(({ step }) => step), y: points.map(({ absRel }) => absRel!) };
}

/** For each image, the mean over the seeds. */
export function byImage(variant: Variant, figure: string): number[] {
  const runs = variant.figures[figure] ?? [];
  return (runs[0] ?? []).map((_, image) => runs.reduce((sum, run) => sum + run[image]!, 0) / runs.length);
}

/** The mean over the images with its 95 % interval, of means over seeds. */
export function mean(variant: Variant, figure: string): Mean {
  return meanWithInterval(byImage(variant, figure));
}

/** The mean difference between two networks on the same images, with its 95 % interval. */
export function difference(a: Variant, b: Variant, figure: string): Mean {
  const others = byImage(b, figure);
  return meanWithInterval(byImage(a, figure).map((value, i) => value - others[i]!));
}

/** The mean over the images of each seed. */
export function bySeed(variant: Variant, figure: string): number[] {
  return (variant.figures[figure] ?? []).map((run) => meanWithInterval(run).mean);
}

/** `0.215 ± 0.012` */
export function withInterval({ mean, interval }: Mean, digits = 3): string {
  return `${mean.toFixed(digits)} ± ${interval.toFixed(digits)}`;
}
