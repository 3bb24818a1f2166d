/** Runs several checkpoints on many inputs, decoding each input once. */
import { answerEach, BATCH } from "./pipeline.ts";
import type { AnswerContext, Opened } from "./task.ts";

/** The answers of all checkpoints for one input. */
export interface Asked<Source, Answer> {
  readonly source: Source;
  /** Of the checkpoints that could answer, in their order. */
  readonly answers: readonly Answer[];
  /** The names of these checkpoints. */
  readonly models: readonly string[];
  /** One if the input cannot be read, else one per checkpoint that failed. */
  readonly errors: readonly unknown[];
}

export interface AskOptions<Source, Input> {
  readonly decode: (source: Source) => Promise<Input>;
  /** Default 8. */
  readonly batchSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch that is not the last. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Progress within an answer that takes long. */
  readonly answerProgress?: AnswerContext["progress"];
}

/**
 * Yields each input's answers in order. While one batch runs, the next is decoded; a bad input does not affect
 * the others.
 *
 * @throws the signal's reason if it is aborted
 */
export async function* askAll<Source, Input, Options, Answer>(
  openeds: readonly Opened<Input, Options, Answer>[],
  sources: readonly Source[],
  options: Options,
  { decode, batchSize = BATCH, signal, progress, answerProgress }: AskOptions<Source, Input>,
): AsyncGenerator<Asked<Source, Answer>, void, undefined> {
  const decodeFrom = (at: number) => Promise.allSettled(sources.slice(at, at + batchSize).map(decode));
  const context = { signal, progress: answerProgress };
  let next = decodeFrom(0);
  for (let at = 0; at < sources.length; at += batchSize) {
    const batch = sources.slice(at, at + batchSize);
    const decoded = await next;
    next = decodeFrom(at + batchSize);
    const read = decoded.filter((result) => result.status === "fulfilled").map(({ value }) => value);
    const rows = [];
    for (const opened of openeds) {
      signal?.throwIfAborted();
      rows.push(read.length > 0 ? await answerEach(opened, read, options, context) : []);
    }
    let column = 0;
    for (const [i, result] of decoded.entries()) {
      const source = batch[i] as Source;
      if (result.status === "rejected") {
        yield { source, answers: [], models: [], errors: [result.reason] };
        continue;
      }
      const outcomes = rows.map((row) => row[column]);
      column++;
      yield {
        source,
        answers: outcomes.flatMap((outcome) => (outcome && "answer" in outcome ? [outcome.answer] : [])),
        models: openeds
          .filter((_, i) => outcomes[i] && "answer" in outcomes[i])
          .map(({ record }) => record.name),
        errors: outcomes.flatMap((outcome) => (outcome && "error" in outcome ? [outcome.error] : [])),
      };
    }
    const done = Math.min(sources.length, at + batchSize);
    if (done < sources.length) progress?.(done, sources.length);
  }
}
