/** Trains several networks on the same batches and records the results: the core of nearly every study. */

import type { Curve } from "@tessera-ml/kit/studies";
import { AdamW, crossEntropy, DataLoader, type Module, SGD, schedules } from "@tessera-ml/nn";
import { compile, manualSeed, type Tensor, valueAndGrad } from "@tessera-ml/tensor";
import { countMacs } from "./cost.ts";
import type { Pictures } from "./data.ts";

/** Images [N, C, H, W] → logits [N, classes]. */
export type Network = Module & { forward(x: Tensor): Tensor };

export interface Variant {
  readonly name: string;
  readonly network: () => Network;
  /** Default: SGD with momentum. */
  readonly optimizer?: "sgd" | "adamw";
  /** Peak learning rate. */
  readonly rate: number;
}

export interface Comparison {
  readonly train: Pictures;
  readonly test: Pictures;
  readonly epochs: number;
  /** Default 64. */
  readonly batchSize?: number;
  /** Number of runs to average over, each with other initial weights and another order. Default 1. */
  readonly seeds?: number;
  /** Seed of the first run. Default 0. */
  readonly seed?: number;
  /** One cycle up and down (default), or a constant rate. */
  readonly schedule?: "one cycle" | "constant";
  /** Weight decay of SGD. Default 5e-4. */
  readonly weightDecay?: number;
  /** Points per epoch in the training curve. Default 1. */
  readonly points?: number;
  /** Evaluates the test set after every epoch (default), or only at the end. */
  readonly tests?: "every epoch" | "end";
  /** Called after every point; `done` is the fraction completed. */
  readonly progress?: (text: string, done: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Results of a variant, averaged over its runs. Errors are in per cent, x counts epochs. */
export interface Run {
  readonly name: string;
  readonly parameters: number;
  /** Multiply-accumulates per image. */
  readonly macs: number;
  /** Over the batches since the previous point, in training mode. */
  readonly trainError: Curve;
  readonly testError: Curve;
  /** Final test error of each run. */
  readonly finals: readonly number[];
  /** Final error on the training images, in inference mode. */
  readonly fitError: number;
  /** Median milliseconds per training step. */
  readonly stepTime: number;
  /** Number of runs whose loss became NaN or infinite. From then on, their errors are those of guessing. */
  readonly diverged: number;
}

/** One run of one variant. */
interface Trace {
  readonly trainError: number[];
  readonly testError: number[];
  readonly stepTimes: number[];
  fitError: number;
  diverged: boolean;
}

interface Batch {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** Trains all variants; run i sees the same batches for every variant. */
export async function compare(variants: readonly Variant[], comparison: Comparison): Promise<Run[]> {
  const { seeds = 1, progress } = comparison;
  const whole = variants.length * seeds;
  const runs: Run[] = [];
  let behind = 0;
  for (const variant of variants) {
    const traces: Trace[] = [];
    for (let i = 0; i < seeds; i++) {
      const label = seeds === 1 ? variant.name : `${variant.name}, run ${i + 1} of ${seeds}`;
      const say = (text: string, done: number) => progress?.(`${label}: ${text}`, (behind + done) / whole);
      traces.push(await trainOnce(variant, comparison, (comparison.seed ?? 0) * seeds + i, say));
      behind++;
    }
    runs.push(summary(variant, comparison, traces));
  }
  return runs;
}

async function trainOnce(
  { network, rate, optimizer: kind = "sgd" }: Variant,
  comparison: Comparison,
  seed: number,
  say: (text: string, done: number) => void,
): Promise<Trace> {
  const { train, test, epochs, batchSize = 64, weightDecay = 5e-4, points = 1, tests, signal } = comparison;
  manualSeed(seed);
  const model = network();
  const loader = new DataLoader(train.samples, { batchSize, shuffle: true, seed, dropLast: true });
  const steps = epochs * loader.batches;
  const lr = comparison.schedule === "constant" ? rate : schedules.oneCycle({ peak: rate, steps });
  const optimizer =
    kind === "adamw"
      ? new AdamW(model, { lr })
      : new SGD(model, { lr, momentum: 0.9, nesterov: true, weightDecay });
  const step = compile(({ images, labels }: Batch) => {
    const { value, grads } = valueAndGrad(model, (): [Tensor, Tensor] => {
      const logits = model.forward(normalized(images, train));
      return [crossEntropy(logits, labels), wrongShare(logits, labels)];
    });
    optimizer.update(grads);
    return value;
  });
  const chance = 100 * (1 - 1 / train.classes);
  const trace: Trace = { trainError: [], testError: [], stepTimes: [], fitError: chance, diverged: false };
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      const wrong: number[] = [];
      for await (const batch of trace.diverged ? [] : loader.epoch(epoch)) {
        signal?.throwIfAborted();
        const start = performance.now();
        const [loss, share] = step(batch);
        trace.diverged = !Number.isFinite(await loss.item());
        if (trace.diverged) break;
        trace.stepTimes.push(performance.now() - start);
        wrong.push(100 * (await share.item()));
      }
      trace.trainError.push(...(trace.diverged ? Array(points).fill(chance) : means(wrong, points)));
      const reached = trace.diverged ? "diverged" : `training error ${average(wrong).toFixed(1)} %`;
      say(`epoch ${epoch + 1} of ${epochs}, ${reached}`, (epoch + 1) / epochs);
      if (tests === "end" && epoch + 1 < epochs) continue;
      trace.testError.push(trace.diverged ? chance : await errorOf(model, test, train));
    }
    if (!trace.diverged) trace.fitError = await errorOf(model, train, train);
  } finally {
    step.release();
  }
  return trace;
}

/** Means of `count` consecutive chunks of the values, as equal in length as possible. */
function means(values: readonly number[], count: number): number[] {
  const end = (i: number) => Math.round((i * values.length) / count);
  return Array.from({ length: count }, (_, i) =>
    average(values.slice(end(i), Math.max(end(i + 1), end(i) + 1))),
  );
}

/** Normalises bytes by mean and standard deviation of the training images. */
function normalized(images: Tensor, { mean, deviation }: Pictures): Tensor {
  return images.astype("float32").sub(mean).div(deviation);
}

/** Fraction of images whose highest logit is not that of their label. */
function wrongShare(logits: Tensor, labels: Tensor): Tensor {
  return logits.argmax(1).notEqual(labels).astype("float32").mean();
}

const TEST_BATCH = 250;

/** Error of a network in inference mode, in per cent. */
async function errorOf(model: Network, shown: Pictures, train: Pictures): Promise<number> {
  model.eval();
  const batchSize = Math.min(TEST_BATCH, shown.samples.length);
  const loader = new DataLoader(shown.samples, { batchSize, dropLast: true });
  const measure = compile(({ images, labels }: Batch) =>
    wrongShare(model.forward(normalized(images, train)), labels),
  );
  let sum = 0;
  for await (const batch of loader.epoch(0)) sum += await measure(batch).item();
  measure.release();
  model.train();
  return (100 * sum) / loader.batches;
}

function summary({ name, network }: Variant, comparison: Comparison, traces: readonly Trace[]): Run {
  const { epochs, points = 1, tests, train } = comparison;
  const model = network();
  const ends = Array.from({ length: epochs }, (_, i) => i + 1);
  const places = Array.from({ length: epochs * points }, (_, i) => (i + 1) / points);
  const mean = (x: readonly number[], ys: readonly (readonly number[])[]): Curve => ({
    name,
    x,
    y: x.map((_, i) => average(ys.map((y) => y[i] as number))),
  });
  const times = traces.flatMap(({ stepTimes }) => stepTimes).toSorted((a, b) => a - b);
  return {
    name,
    parameters: model.parameterCount(),
    macs: countMacs(model, train.shape),
    trainError: mean(
      places,
      traces.map((t) => t.trainError),
    ),
    testError: mean(
      tests === "end" ? [epochs] : ends,
      traces.map((t) => t.testError),
    ),
    fitError: average(traces.map((t) => t.fitError)),
    finals: traces.map((t) => t.testError.at(-1) as number),
    stepTime: times[Math.floor(times.length / 2)] ?? Number.NaN,
    diverged: traces.filter((t) => t.diverged).length,
  };
}

export function average(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
