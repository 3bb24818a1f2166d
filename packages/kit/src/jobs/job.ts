/** What a sharded job is. */

/** A list of items that is worked through in shards, here or by many workers. */
export interface ShardedJob<Result> {
  /** Lower-case words with hyphens: `pseudo-label`. Part of the queue's name. */
  readonly name: string;
  /** For the results; workers on several machines share it. */
  readonly folder: string;
  /** What the results depend on, as JSON by name. A folder accepts no job with other settings. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The same in every worker, so relative paths rather than absolute ones. */
  readonly items: readonly string[];
  readonly shardSize: number;
  /**
   * Processes the items of a shard; the result, which must be JSON, is stored once. A shard whose worker died is
   * processed again, so files written here must have the same name and content each time, and be renamed into place.
   */
  work(shard: Shard, context: ShardContext): Promise<Result>;
}

export interface Shard {
  readonly index: number;
  readonly items: readonly string[];
}

export interface ShardContext {
  readonly signal: AbortSignal;
  /** Reports how many items of the shard are finished. */
  finished(items: number): void;
}

export interface JobProgress {
  /** Items, those of earlier runs and of other workers included. */
  readonly done: number;
  readonly total: number;
}

export interface RunJobOptions {
  /** `postgres://user:password@host:port/database`: shares the job with all workers on this queue. Default: none. */
  readonly queue?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: JobProgress) => void) | undefined;
  /**
   * Seconds after which a shard of a silent worker is taken again; default 15, at least 10. Workers report four times
   * as often.
   */
  readonly silence?: number | undefined;
}

/** How often a shard is tried: a worker that dies has tried, too. */
export const TRIES = 4;

/** Shards failed; the others are complete. */
export class JobError extends Error {
  override readonly name = "JobError";
  readonly failures: readonly ShardFailure[];

  constructor(job: Pick<ShardedJob<unknown>, "name">, failures: readonly ShardFailure[]) {
    const lines = failures.map(({ shard, reason }) => `${describeShard(shard)}: ${reason}`);
    super(
      `${job.name}: ${failures.length} ${failures.length === 1 ? "shard" : "shards"} failed; the same command tries again\n${lines.join("\n")}`,
    );
    this.failures = failures;
  }
}

export interface ShardFailure {
  readonly shard: Shard;
  readonly reason: string;
}

export function shardsOf({ items, shardSize }: Pick<ShardedJob<unknown>, "items" | "shardSize">): Shard[] {
  if (!Number.isInteger(shardSize) || shardSize < 1)
    throw new RangeError(`shardSize: expected a whole number of at least 1, got ${shardSize}`);
  const count = Math.ceil(items.length / shardSize);
  return Array.from({ length: count }, (_, index) => ({
    index,
    items: items.slice(index * shardSize, (index + 1) * shardSize),
  }));
}

/** `shard 3 (beach/a.jpg to beach/k.jpg)` */
export function describeShard({ index, items }: Shard): string {
  const span = items.length > 1 ? `${items[0]} to ${items.at(-1)}` : items[0];
  return `shard ${index} (${span})`;
}
