/** A checkpoint as a function, and how it processes many inputs. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import { Clip } from "@tessera-ml/media";
import type { Module } from "@tessera-ml/nn";
import type { AnswerContext, Opened } from "./task.ts";

/** Default number of inputs per forward pass. */
export const BATCH = 8;

export interface PipelineOptions extends AnswerContext {
  /** Inputs per forward pass; default 8. */
  readonly batchSize?: number | undefined;
}

/** One input's answer, or the error. */
export type Outcome<Answer> =
  | { readonly index: number; readonly answer: Answer }
  | { readonly index: number; readonly error: unknown };

/**
 * An open checkpoint as a function of one input or of several.
 *
 * @example
 * const classify = await pipeline("image-classification", "resnet50");
 * const { predictions } = await classify("cat.jpg", { top: 3 });
 */
export interface Pipeline<Input, Options, Answer> {
  /** @throws RangeError for options out of range; whatever reading the input throws */
  (input: Input, options?: Partial<Options> & PipelineOptions): Promise<Answer>;
  /** Answers in the order of the inputs; the first error rejects the call. */
  (inputs: readonly Input[], options?: Partial<Options> & PipelineOptions): Promise<Answer[]>;
  /** Streams answers in order. A bad input is reported in its place; the others continue. */
  stream(
    inputs: Iterable<Input> | AsyncIterable<Input>,
    options?: Partial<Options> & PipelineOptions,
  ): AsyncGenerator<Outcome<Answer>, void, undefined>;
  readonly record: CheckpointRecord;
  readonly module: Module;
  /** Frees the session; the next call creates a new one. */
  release(): void;
  [Symbol.dispose](): void;
}

/** Makes a pipeline of an open checkpoint. */
export function pipelineOf<Input, Options, Answer>(
  opened: Opened<Input, Options, Answer>,
): Pipeline<Input, Options, Answer> {
  const { record, module } = opened;
  type Given = Partial<Options> & PipelineOptions;
  const stream = (inputs: Iterable<Input> | AsyncIterable<Input>, options: Given = {} as Given) =>
    streamOf(opened, inputs, options as Options, options);
  const call = async (input: Input | readonly Input[], options: Given = {} as Given) => {
    const answers: Answer[] = [];
    for await (const outcome of stream(Array.isArray(input) ? input : [input as Input], options)) {
      if ("error" in outcome) throw outcome.error;
      answers.push(outcome.answer);
    }
    return Array.isArray(input) ? answers : answers[0];
  };
  return Object.assign(call, {
    stream,
    record,
    module,
    release: () => opened.release(),
    [Symbol.dispose]: () => opened.release(),
  }) as unknown as Pipeline<Input, Options, Answer>;
}

/**
 * Processes many inputs in batches. If a batch fails, its inputs are retried one by one, so that one bad
 * input does not affect the others.
 *
 * @throws the signal's reason if it is aborted
 */
export async function* streamOf<Input, Options, Answer>(
  opened: Opened<Input, Options, Answer>,
  inputs: Iterable<Input> | AsyncIterable<Input>,
  options: Options,
  { batchSize = BATCH, signal, progress }: PipelineOptions = {},
): AsyncGenerator<Outcome<Answer>, void, undefined> {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new RangeError(`batchSize: expected a whole number of at least 1, got ${batchSize}`);
  let at = 0;
  for await (const batch of batches(inputs, batchSize)) {
    signal?.throwIfAborted();
    for (const [i, outcome] of (await answerEach(opened, batch, options, { signal, progress })).entries())
      yield { index: at + i, ...outcome };
    at += batch.length;
  }
}

type Bare<Answer> = { readonly answer: Answer } | { readonly error: unknown };

/** An answer or an error for each input of a batch. */
export async function answerEach<Input, Options, Answer>(
  opened: Opened<Input, Options, Answer>,
  batch: readonly Input[],
  options: Options,
  context: AnswerContext,
): Promise<Bare<Answer>[]> {
  try {
    return (await answerAll(opened, batch, options, context)).map((answer) => ({ answer }));
  } catch (error) {
    context.signal?.throwIfAborted();
    if (batch.length === 1) return [{ error }];
    const alone: Bare<Answer>[] = [];
    for (const input of batch) alone.push(...(await answerEach(opened, [input], options, context)));
    return alone;
  }
}

/** Answers in the order of the inputs, videos by themselves where the checkpoint does so. */
export async function answerAll<Input, Options, Answer>(
  opened: Opened<Input, Options, Answer>,
  inputs: readonly Input[],
  options: Options,
  context: AnswerContext,
): Promise<Answer[]> {
  const isApart = (input: Input): input is Input & Clip =>
    input instanceof Clip && opened.video !== undefined;
  const together = inputs.filter((input) => !isApart(input));
  const answers = (together.length > 0 ? await opened.answer(together, options, context) : []).values();
  return await Promise.all(
    inputs.map(
      async (input) =>
        (isApart(input) ? await opened.video?.(input, options, context) : answers.next().value) as Answer,
    ),
  );
}

async function* batches<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
