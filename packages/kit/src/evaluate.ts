/** The loop of every evaluation: samples evenly spread, a batch at a time, with progress and abort. */
import type { EvaluationProgress } from "./task.ts";

/** What a task's evaluation does with its samples. */
export interface Measuring<Input, Output> {
  /** How many samples there are. */
  readonly total: number;
  /** Reads sample `index`; the next batch is read while the network works on this one. */
  prepare(index: number): Promise<Input>;
  /** The network alone; its time is reported separately. Outputs in the order of the inputs. */
  ask(inputs: readonly Input[]): Promise<readonly Output[]>;
  /** Takes note of an output. */
  record(output: Output, index: number): void;
  /** Metrics of what was recorded so far, by name. */
  metrics(): Record<string, number>;
}

export interface MeasureOptions {
  /** Samples in one run of the network; default 16. */
  readonly batchSize?: number | undefined;
  /** Only so many samples, evenly spread; default all. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: EvaluationProgress) => void) | undefined;
}

export interface MeasuredAll {
  readonly count: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** In the network alone. */
  readonly networkSeconds: number;
}

/** `count` of `total` indices, evenly spread: a data set may be sorted. */
export function spreadIndices(total: number, count = total): number[] {
  const chosen = Math.min(total, count);
  return Array.from({ length: chosen }, (_, i) => Math.floor((i * total) / chosen));
}

/**
 * Measures a checkpoint on a task's samples.
 *
 * @throws the signal's reason when aborted; whatever reading a sample throws
 */
export async function measureAll<Input, Output>(
  measuring: Measuring<Input, Output>,
  { batchSize = 16, limit, signal, progress }: MeasureOptions = {},
): Promise<MeasuredAll> {
  const chosen = spreadIndices(measuring.total, limit);
  const started = performance.now();
  const read = (at: number) => {
    const batch = Promise.all(chosen.slice(at, at + batchSize).map((index) => measuring.prepare(index)));
    // Read ahead, it may fail before it is awaited.
    batch.catch(() => undefined);
    return batch;
  };
  let networkMs = 0;
  let next = read(0);
  for (let at = 0; at < chosen.length; at += batchSize) {
    signal?.throwIfAborted();
    const inputs = await next;
    next = read(at + batchSize);
    const before = performance.now();
    const outputs = await measuring.ask(inputs);
    networkMs += performance.now() - before;
    for (const [i, output] of outputs.entries()) measuring.record(output, chosen[at + i] as number);
    const done = Math.min(chosen.length, at + batchSize);
    progress?.({ done, total: chosen.length, metrics: measuring.metrics() });
  }
  const seconds = (performance.now() - started) / 1000;
  return {
    count: chosen.length,
    metrics: measuring.metrics(),
    seconds,
    networkSeconds: networkMs / 1000,
  };
}
