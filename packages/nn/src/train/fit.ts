/** The training loop: steps, evaluations, checkpoints, and exact resumption of killed runs. */
import { compile, type Gradients, generatorState, scalar, Tensor, valueAndGrad } from "@tessera-ml/tensor";
import { CheckpointError } from "../files/error.ts";
import type { Checkpoint } from "../files/index.ts";
import type { Module } from "../module.ts";
import type { EMA } from "../optim/ema.ts";
import { clipGradNorm, GradientAccumulator } from "../optim/gradients.ts";
import { makeFolder, newestRun, partOf, restore, writeRun } from "./checkpoints.ts";
import type { Batches } from "./loader.ts";
import { type Metrics, MetricsFile } from "./metrics.ts";
import { Progress, type ProgressReport } from "./progress.ts";

/** How often something happens: every so many steps or epochs. */
export type Every = { readonly steps: number } | { readonly epochs: number };

/** The part of an optimizer that `fit` uses. */
export interface Updates {
  update(grads: Gradients): void;
  readonly learningRate: number | Tensor;
  stateDict(): ReadonlyMap<string, Tensor>;
  load(source: Checkpoint): Promise<void>;
}

export interface CheckpointOptions {
  /** The run resumes from the newest checkpoint in this folder, if there is one. */
  readonly folder: string;
  /** Default: every epoch. A checkpoint is also written at the end, and when the run is stopped. */
  readonly every?: Every;
  /** Number of checkpoints to keep, newest first. Default 2. */
  readonly keep?: number;
}

export interface BestOptions {
  /** One of the metrics `evaluate` returns. */
  readonly metric: string;
  /** Whether lower or higher is better. */
  readonly mode: "min" | "max";
  /** Stops after this many evaluations in a row without improvement. Default: never. */
  readonly patience?: number;
}

export interface FitOptions<B> {
  readonly model: Module;
  readonly optimizer: Updates;
  readonly data: Batches<B>;
  /**
   * The loss of a batch, a scalar, and optionally other scalars to log. Part of the compiled step: it
   * builds a graph and must not read values.
   */
  readonly loss: (batch: B) => Tensor | ({ readonly loss: Tensor } & Readonly<Record<string, Tensor>>);
  /** Length of the run: pass exactly one of `epochs` and `steps`. */
  readonly epochs?: number;
  readonly steps?: number;
  /**
   * Number of batches per step, equivalent to one large batch: losses and gradients are averaged, weighted by
   * `samples`. Batches left over at the end of an epoch form a smaller step. (Batch norm sees each batch separately.)
   */
  readonly accumulate?: number;
  /**
   * With `accumulate`: the number of entries that the loss of a batch averages over. Part of the compiled step.
   * Default: the extent of the first axis of the first tensor in the batch. For a loss over tokens, some of which
   * are ignored: `({ labels }) => labels.notEqual(-100).sum()`.
   */
  readonly samples?: (batch: B) => number | Tensor;
  /** Maximum norm of the gradients. */
  readonly clipNorm?: number;
  /** Updated at every step and swapped into the model for evaluation. */
  readonly ema?: EMA;
  /** Returns metrics by name. The model is in inference mode and, with `ema`, holds the averaged values. */
  readonly evaluate?: (progress: { step: number; epoch: number }) => Metrics | Promise<Metrics>;
  /** Default: every epoch. The run always ends with an evaluation. */
  readonly evaluateEvery?: Every;
  /** Tracks the best evaluation; its model is saved as `best.safetensors` next to the checkpoints. */
  readonly best?: BestOptions;
  readonly checkpoints?: CheckpointOptions;
  /** Path of a `.jsonl` file to log to. */
  readonly metrics?: string;
  /** Steps per line of metrics; losses are averaged over them. Default 10. */
  readonly metricsEvery?: number;
  /** Ends the run after the current step, with a checkpoint. Ctrl-C does the same. */
  readonly signal?: AbortSignal;
  /** Report progress on the terminal (default), not at all, or to a function. */
  readonly progress?: boolean | ((report: ProgressReport) => void);
}

export interface FitResult {
  /** Total number of steps, including those before a resumption. */
  readonly steps: number;
  readonly reason: "finished" | "no improvement" | "aborted";
  /** The last evaluation. */
  readonly metrics: Metrics;
  readonly best: { readonly step: number; readonly value: number } | undefined;
}

/** The contents of a checkpoint besides tensors. */
interface State {
  /** Steps done. */
  step: number;
  stepsPerEpoch: number;
  /** Sum and number of losses since the last line of metrics. */
  lossSum: number;
  lossCount: number;
  /** The last evaluation, and the step it was made after. */
  metrics: Metrics;
  evaluated: number;
  best: { step: number; value: number } | undefined;
  /** Evaluations since the best one. */
  worse: number;
}

/** The scalars of a batch by name, including the loss. */
type Report = Readonly<Record<string, Tensor>>;
/** The same, and its weight among the batches of the step. */
interface Weighted {
  readonly report: Report;
  readonly samples: Tensor;
}

/**
 * Trains a model.
 *
 * With `checkpoints`, a run that is killed at any moment and restarted gives the same losses as an uninterrupted
 * one: parameters, optimizer, means, random numbers and the position in the data are restored.
 *
 * @throws if the loss is not finite, naming the step and the parameters that are not finite
 */
export async function fit<B>(options: FitOptions<B>): Promise<FitResult> {
  return await new Run(options).go();
}

class Run<B> {
  readonly #options: FitOptions<B>;
  /** Batches per step. */
  readonly #group: number;
  readonly #steps: number;
  readonly #metrics: MetricsFile | undefined;
  readonly #stop = new AbortController();
  #state: State;
  #progress: Progress;
  /** The step of the newest checkpoint. */
  #written = -1;

  constructor(options: FitOptions<B>) {
    const { epochs, steps, data, accumulate = 1, metrics, progress = true } = options;
    const stepsPerEpoch = Math.ceil(data.batches / accumulate);
    if (data.batches < accumulate)
      throw new Error(
        `fit: accumulate: expected at most the ${data.batches} batches of an epoch, got ${accumulate}`,
      );
    if ((epochs === undefined) === (steps === undefined))
      throw new Error("fit: expected either epochs or steps");
    this.#options = options;
    this.#group = accumulate;
    this.#steps = steps ?? (epochs as number) * stepsPerEpoch;
    this.#metrics = metrics === undefined ? undefined : new MetricsFile(metrics);
    const counts = { step: 0, stepsPerEpoch, lossSum: 0, lossCount: 0, evaluated: 0, worse: 0 };
    this.#state = { ...counts, metrics: {}, best: undefined };
    this.#progress = new Progress(this.#steps, 0, progress);
  }

  async go(): Promise<FitResult> {
    const { model, progress = true, signal } = this.#options;
    await this.#resume();
    await this.#metrics?.begin(this.#state.step);
    this.#progress = new Progress(this.#steps, this.#state.step, progress);
    if (!model.training) model.train();
    const interrupt = () => {
      this.#progress.say("interrupted: finishing the current step");
      this.#stop.abort();
    };
    // Only once: a second Ctrl-C ends the process.
    globalThis.process?.once?.("SIGINT", interrupt);
    const abort = () => this.#stop.abort();
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    const step = this.#compiled();
    try {
      let reason: FitResult["reason"] = this.#patient() ? "finished" : "no improvement";
      while (this.#state.step < this.#steps && reason === "finished") reason = await this.#epoch(step);
      if (reason === "finished" && this.#state.evaluated < this.#state.step) await this.#evaluate();
      await this.#checkpoint();
      const { step: steps, metrics, best } = this.#state;
      return { steps, reason, metrics, best };
    } finally {
      globalThis.process?.removeListener?.("SIGINT", interrupt);
      signal?.removeEventListener("abort", abort);
      this.#progress.end();
      step.release();
    }
  }

  /** Processes one batch: forward, backward and, for the last batch of a step, the update. */
  #compiled() {
    const { model, optimizer, loss, clipNorm, ema, samples: samplesOf = firstExtent } = this.#options;
    const accumulator = new GradientAccumulator(this.#group);
    const step = (batch: B, last: boolean): Weighted => {
      const { value, grads } = valueAndGrad(model, (): [Tensor, Report] => {
        const result = loss(batch);
        return result instanceof Tensor ? [result, { loss: result }] : [result.loss, result];
      });
      const report: Record<string, Tensor> = { ...value[1] };
      const counted = this.#group > 1 ? samplesOf(batch) : 1;
      const samples = typeof counted === "number" ? scalar(counted) : counted;
      if (!last) {
        accumulator.add(grads, samples);
        return { report, samples };
      }
      const { learningRate } = optimizer;
      report.learningRate = typeof learningRate === "number" ? scalar(learningRate) : learningRate;
      let mean = accumulator.take(grads, samples);
      if (clipNorm !== undefined) {
        const { grads: clipped, norm } = clipGradNorm(mean, clipNorm);
        mean = clipped;
        report.gradientNorm = norm;
      }
      optimizer.update(mean);
      ema?.update();
      return { report, samples };
    };
    return compile(step, { name: "the training step" });
  }

  /** Runs the rest of the current epoch. */
  async #epoch(run: (batch: B, last: boolean) => Weighted): Promise<FitResult["reason"]> {
    const { stepsPerEpoch, step: first } = this.#state;
    const { data } = this.#options;
    const epoch = Math.floor(first / stepsPerEpoch);
    const end = Math.min(this.#steps, (epoch + 1) * stepsPerEpoch);
    let step = first;
    let reports: Weighted[] = [];
    // Values of a step are read only after the next step has been submitted, so that the two overlap.
    let reading: Promise<void> | undefined;
    const stopped = () => this.#stop.signal.aborted;
    if (stopped()) return "aborted";
    let index = (first % stepsPerEpoch) * this.#group;
    for await (const batch of data.epoch(epoch, index)) {
      const last = ++index === data.batches || reports.length === this.#group - 1;
      reports.push(run(batch, last));
      if (!last) continue;
      await reading;
      reading = this.#read(++step, reports);
      reading.catch(() => {}); // awaited in the next iteration
      reports = [];
      const due = this.#due(step);
      if (!due.evaluation && !due.checkpoint && !stopped() && step < end) continue;
      await reading;
      if (due.evaluation) await this.#evaluate();
      if (due.checkpoint) await this.#checkpoint();
      if (!this.#patient()) return "no improvement";
      if (step === end) return "finished";
      if (stopped()) return "aborted";
    }
    throw new Error(`fit: epoch ${epoch + 1}: expected ${end - first} steps, got ${step - first}`);
  }

  /** Whether patience is not yet exhausted, possibly already before a resumption. */
  #patient(): boolean {
    return this.#state.worse < (this.#options.best?.patience ?? Number.POSITIVE_INFINITY);
  }

  #due(step: number): { evaluation: boolean; checkpoint: boolean } {
    const { evaluate, evaluateEvery = EPOCH, checkpoints } = this.#options;
    const every = (e: Every) => step % ("steps" in e ? e.steps : e.epochs * this.#state.stepsPerEpoch) === 0;
    return {
      evaluation: evaluate !== undefined && every(evaluateEvery),
      checkpoint: checkpoints !== undefined && every(checkpoints.every ?? EPOCH),
    };
  }

  /** Waits for and reads the values of a step. */
  async #read(step: number, reports: readonly Weighted[]): Promise<void> {
    const state = this.#state;
    let [sum, total] = [0, 0];
    for (const { report, samples } of reports) {
      const weight = await samples.item();
      sum += weight * (await (report.loss as Tensor).item());
      total += weight;
    }
    const loss = sum / total;
    if (!Number.isFinite(loss)) throw new Error(await this.#diagnosis(step, loss));
    state.step = step;
    state.lossSum += loss;
    state.lossCount++;
    const epoch = Math.ceil(step / state.stepsPerEpoch);
    this.#progress.step(step, epoch, loss);
    if (!this.#metrics || step % (this.#options.metricsEvery ?? 10) !== 0) return;
    const others: Record<string, number> = {};
    for (const [name, value] of Object.entries(reports.at(-1)?.report ?? {}))
      if (name !== "loss") others[name] = await value.item();
    const { stepsPerSecond } = this.#progress;
    const mean = state.lossSum / state.lossCount;
    [state.lossSum, state.lossCount] = [0, 0];
    await this.#metrics.write({ step, epoch, kind: "training", loss: mean, ...others, stepsPerSecond });
  }

  /** Explains a loss that is not finite. */
  async #diagnosis(step: number, loss: number): Promise<string> {
    const broken: string[] = [];
    for (const [path, parameter] of this.#options.model.parameters()) {
      const data = (await parameter.data()) as Float32Array;
      if (!data.every((v) => Number.isFinite(v))) broken.push(path);
    }
    const which =
      broken.length === 0
        ? "all parameters are finite"
        : `${broken.length} parameters are not finite, starting with ${broken.slice(0, 3).join(", ")}`;
    const place = this.#written >= 0 ? ` The newest checkpoint is of step ${this.#written}.` : "";
    return `fit: the loss at step ${step} is ${loss}; after this step, ${which}. Try a lower learning rate, warm-up or clipNorm.${place}`;
  }

  async #evaluate(): Promise<void> {
    const { evaluate, model, ema, best, checkpoints } = this.#options;
    if (!evaluate) return;
    const state = this.#state;
    const { step } = state;
    const epoch = Math.ceil(step / state.stepsPerEpoch);
    const measure = async () => {
      state.metrics = await inInference(model, async () => await evaluate({ step, epoch }));
      state.evaluated = step;
      if (!best) return;
      const value = state.metrics[best.metric];
      if (value === undefined)
        throw new Error(
          `fit: best: expected evaluate to return ${best.metric}, got ${Object.keys(state.metrics).join(", ")}`,
        );
      const better =
        !state.best || (best.mode === "min" ? value < state.best.value : value > state.best.value);
      state.worse = better ? 0 : state.worse + 1;
      if (!better) return;
      state.best = { step, value };
      if (!checkpoints) return;
      await makeFolder(checkpoints.folder);
      const metadata = { step: String(step), [best.metric]: String(value) };
      await model.save(`${checkpoints.folder}/best.safetensors`, { metadata });
    };
    await (ema ? ema.during(measure) : measure());
    await this.#metrics?.write({ step, epoch, kind: "evaluation", ...state.metrics });
    const figures = Object.entries(state.metrics).map(([name, value]) => `${name} ${value.toPrecision(5)}`);
    this.#progress.say(`step ${step}: ${figures.join("  ")}`);
  }

  async #checkpoint(): Promise<void> {
    const { checkpoints, model, optimizer, ema } = this.#options;
    const { step } = this.#state;
    if (!checkpoints || step === this.#written) return;
    const parts = {
      model: model.stateDict(),
      optimizer: optimizer.stateDict(),
      ...(ema && { ema: ema.stateDict() }),
      random: new Map([["generator", generatorState()]]),
    };
    await writeRun(checkpoints.folder, step, parts, this.#state, checkpoints.keep ?? 2);
    this.#written = step;
  }

  async #resume(): Promise<void> {
    const { checkpoints } = this.#options;
    const found = checkpoints && (await newestRun(checkpoints.folder));
    if (!found) return;
    try {
      await this.#restore(found);
    } finally {
      await found.checkpoint.close();
    }
  }

  async #restore({
    checkpoint,
    state: stored,
  }: NonNullable<Awaited<ReturnType<typeof newestRun>>>): Promise<void> {
    const { model, optimizer, ema } = this.#options;
    const part = (name: string): Checkpoint => {
      const section = partOf(checkpoint, name);
      if (!section) throw new CheckpointError(`${checkpoint.name}: contains no ${name}`);
      return section;
    };
    const state = stored as State;
    const { stepsPerEpoch } = this.#state;
    if (state.stepsPerEpoch !== stepsPerEpoch)
      throw new CheckpointError(
        `${checkpoint.name}: expected ${stepsPerEpoch} steps per epoch, got ${state.stepsPerEpoch}`,
      );
    await model.load(part("model"));
    await optimizer.load(part("optimizer"));
    if (ema) await ema.load(part("ema"));
    await restore(generatorState(), part("random"), "generator");
    this.#state = state;
    this.#written = state.step;
    this.#progress.say(`resuming after step ${state.step}`);
  }
}

const EPOCH: Every = { epochs: 1 };

/** The extent of the first axis of the first tensor in a batch, or 1 if there is none. */
function firstExtent(batch: unknown): number {
  if (batch instanceof Tensor) return batch.shape[0] ?? 1;
  const fields = typeof batch === "object" && batch !== null ? Object.values(batch) : [];
  const tensor = fields.find((field): field is Tensor => field instanceof Tensor);
  return tensor?.shape[0] ?? 1;
}

/** Runs `fn` with the module in inference mode, then restores the mode of every submodule. */
async function inInference<T>(model: Module, fn: () => Promise<T>): Promise<T> {
  const modes = [...model.namedModules().values()].map((module) => [module, module.training] as const);
  model.eval();
  try {
    return await fn();
  } finally {
    // Parents come before their children, so the mode of a child is restored last.
    for (const [module, training] of modes) module.train(training);
  }
}
