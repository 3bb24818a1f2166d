/** Runs a sharded job to its end. */
import { messageOf } from "../error.ts";
import { JobFolder } from "./folder.ts";
import {
  JobError,
  type RunJobOptions,
  type Shard,
  type ShardedJob,
  type ShardFailure,
  shardsOf,
  TRIES,
} from "./job.ts";

/** What the ways of running a job have in common. */
export interface Workplace<Result> {
  readonly job: ShardedJob<Result>;
  readonly shards: readonly Shard[];
  readonly folder: JobFolder<Result>;
  readonly options: RunJobOptions;
  readonly signal: AbortSignal;
  /** Processes a shard and stores its result. */
  process(shard: Shard): Promise<void>;
  /** Reports progress; reads which shards are finished. */
  report(): Promise<Set<number>>;
}

/**
 * Works through the job, in this process or, with `queue`, together with every other process that runs the same job on
 * that queue. A stopped job goes on where it was; a finished one returns its stored results.
 *
 * @returns the results of the shards, in order
 * @throws JobError naming the shards that failed, after all others are complete
 * @throws QueueError if the queue cannot be used
 * @throws Error if the folder holds another job
 */
export async function runJob<Result>(
  job: ShardedJob<Result>,
  options: RunJobOptions = {},
): Promise<Result[]> {
  const shards = shardsOf(job);
  const folder = await JobFolder.open(job);
  const signal = options.signal ?? new AbortController().signal;
  let done = 0;
  const report = async () => {
    const finished = await folder.finished();
    done = shards
      .filter(({ index }) => finished.has(index))
      .reduce((sum, { items }) => sum + items.length, 0);
    options.progress?.({ done, total: job.items.length });
    return finished;
  };
  const process = async (shard: Shard) => {
    const finished = (items: number) => options.progress?.({ done: done + items, total: job.items.length });
    const result = await job.work(shard, { signal, finished });
    signal.throwIfAborted();
    await folder.commit(shard, result);
  };
  const place: Workplace<Result> = { job, shards, folder, options, signal, process, report };
  const finished = await report();
  const complete = shards.every(({ index }) => finished.has(index));
  const failures = complete ? [] : await (options.queue === undefined ? runHere(place) : runShared(place));
  signal.throwIfAborted();
  if (failures.length > 0) throw new JobError(job, failures);
  return await Promise.all(shards.map((shard) => folder.result(shard)));
}

async function runHere<Result>({ shards, folder, signal, process, report }: Workplace<Result>) {
  const failures: ShardFailure[] = [];
  for (const shard of shards) {
    let reason: string | undefined;
    for (let tries = 0; tries < TRIES && !folder.has(shard); tries++)
      try {
        await process(shard);
      } catch (error) {
        signal.throwIfAborted();
        reason = messageOf(error);
      }
    if (reason !== undefined && !folder.has(shard)) failures.push({ shard, reason });
    await report();
  }
  return failures;
}

/** Loads the queue's client when it is needed. */
async function runShared<Result>(place: Workplace<Result>): Promise<ShardFailure[]> {
  const { runOnQueue } = await import("./queue.ts");
  return await runOnQueue(place);
}
