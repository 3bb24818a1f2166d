/**
 * A sharded job on a PostgreSQL queue. All processes do the same: they put the shards on the queue (those that are there
 * already stay), then take shards until none is left. Results are in the job's folder; the queue says who works on what.
 */
import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { type Job, type JobWithMetadata, PgBoss } from "pg-boss";
import { messageOf } from "../error.ts";
import { type Shard, type ShardFailure, TRIES } from "./job.ts";
import { asQueueError, isLost, parseQueue, QueueError } from "./queue-error.ts";
import type { Workplace } from "./run.ts";

/** Apart from other users of pg-boss in the same database, whose version may differ. */
const SCHEMA = "tessera_jobs";
const DAY = 24 * 60 * 60;
/** Seconds between looks at a queue that has nothing to do. */
const PAUSE = 0.5;
/** Jobs per request: insertions, and rows of a list. */
const PAGE = 1000;
/** Seconds that a server may be away. */
const AWAY = 60;
/** Looks at a shard that is complete on the queue but has no result, before giving up: file systems may lag. */
const LAG = 20;

interface Ticket {
  readonly index: number;
}

/** @returns the shards that failed, once no other is open */
export async function runOnQueue<Result>(place: Workplace<Result>): Promise<ShardFailure[]> {
  const { queue = "", silence = 15 } = place.options;
  parseQueue(queue);
  const boss = new PgBoss({
    ...{ connectionString: queue, schema: SCHEMA, application_name: "tessera", max: 3 },
    ...{ connectionTimeoutMillis: 10_000, supervise: false, schedule: false },
    // How often a call of supervise looks for silent workers, over all processes.
    monitorIntervalSeconds: Math.ceil(silence / 4),
  });
  // Failing calls are reported by themselves.
  boss.on("error", () => undefined);
  try {
    await boss.start();
    return await new Worker(boss, place, silence).run();
  } catch (error) {
    throw asQueueError(error, queue);
  } finally {
    await boss.stop({ graceful: false }).catch(() => undefined);
  }
}

class Worker<Result> {
  readonly #boss: PgBoss;
  readonly #place: Workplace<Result>;
  readonly #name: string;
  readonly #silence: number;
  readonly #lagging = new Map<number, number>();

  constructor(boss: PgBoss, place: Workplace<Result>, silence: number) {
    this.#boss = boss;
    this.#place = place;
    this.#name = `${place.job.name}-${place.folder.id}`;
    this.#silence = silence;
  }

  async run(): Promise<ShardFailure[]> {
    const { signal } = this.#place;
    await this.#enqueue();
    while (true) {
      signal.throwIfAborted();
      const [ticket] = await this.#patiently(() => this.#boss.fetch<Ticket>(this.#name));
      if (ticket) {
        await this.#take(ticket);
        continue;
      }
      const failures = await this.#look();
      if (failures) return failures;
      await setTimeout(PAUSE * 1000, undefined, { signal });
    }
  }

  /** Puts the unfinished shards on the queue, and those that failed in an earlier run again. */
  async #enqueue(): Promise<void> {
    const { shards, folder } = this.#place;
    await this.#boss.createQueue(this.#name, {
      ...{ retryLimit: TRIES - 1, retryDelay: 1, heartbeatSeconds: this.#silence },
      // Workers that are alive may take longer than any default; silence is what counts.
      ...{ expireInSeconds: DAY - 1, retentionSeconds: 365 * DAY, deleteAfterSeconds: 30 * DAY },
    });
    const failed = (await this.#jobs()).filter(({ state }) => state === "failed");
    if (failed.length > 0)
      await this.#boss.retry(
        this.#name,
        failed.map(({ id }) => id),
      );
    await this.#insert(shards.filter((shard) => !folder.has(shard)));
  }

  /** Those that are on the queue stay as they are. */
  async #insert(shards: readonly Shard[]): Promise<void> {
    for (let from = 0; from < shards.length; from += PAGE)
      await this.#boss.insert(
        this.#name,
        shards.slice(from, from + PAGE).map(({ index }) => ({ id: this.#idOf(index), data: { index } })),
      );
  }

  async #take(ticket: Job<Ticket>): Promise<void> {
    const { shards, folder, signal, process, report } = this.#place;
    const attempt = { id: ticket.id, retryCount: ticket.retryCount };
    const shard = shards[ticket.data.index] as Shard;
    const touch = () => this.#boss.touch(this.#name, attempt).catch(() => undefined);
    const beat = setInterval(touch, (this.#silence * 1000) / 4);
    try {
      if (!folder.has(shard)) await process(shard);
    } catch (error) {
      clearInterval(beat);
      signal.throwIfAborted();
      const message = messageOf(error);
      await this.#patiently(() => this.#boss.fail(this.#name, attempt, { message }));
      return;
    } finally {
      clearInterval(beat);
    }
    // Had another worker taken the shard meanwhile, this would change nothing.
    await this.#patiently(() => this.#boss.complete(this.#name, attempt));
    await report();
  }

  /** Frees the shards of silent workers. @returns the shards that failed, if no other is open */
  async #look(): Promise<ShardFailure[] | undefined> {
    const { shards, job, report } = this.#place;
    await this.#patiently(() => this.#boss.supervise(this.#name));
    // The queue first: what is complete there has its result in the folder already.
    const jobs = await this.#patiently(() => this.#jobs());
    const finished = await report();
    const unfinished = shards.filter(({ index }) => !finished.has(index));
    const byIndex = new Map(jobs.map((each) => [each.data.index, each]));
    // The queue forgets shards that it has kept for too long.
    await this.#insert(unfinished.filter(({ index }) => !byIndex.has(index)));
    const failures: ShardFailure[] = [];
    let open = 0;
    for (const shard of unfinished) {
      const found = byIndex.get(shard.index);
      if (found?.state === "failed") failures.push({ shard, reason: reasonOf(found) });
      else open++;
      if (found?.state !== "completed") continue;
      const looks = (this.#lagging.get(shard.index) ?? 0) + 1;
      this.#lagging.set(shard.index, looks);
      if (looks > LAG)
        throw new QueueError(
          `${job.folder}: another worker completed shard ${shard.index}, but its result is not here: all workers must share this folder`,
        );
    }
    return open === 0 ? failures : undefined;
  }

  async #jobs(): Promise<JobWithMetadata<Ticket>[]> {
    const all: JobWithMetadata<Ticket>[] = [];
    while (true) {
      const last = all.at(-1);
      const after = last && { after: last.id };
      const page = await this.#boss.findJobs<Ticket>(this.#name, { limit: PAGE, ...after });
      all.push(...page);
      if (page.length < PAGE) return all;
    }
  }

  /** The same in all workers, so that a shard is on the queue once. */
  #idOf(index: number): string {
    const hash = createHash("sha256").update(`${this.#name}/${index}`).digest("hex");
    return hash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
  }

  /** Calls again while the server is away, for a minute. */
  async #patiently<T>(call: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    while (true)
      try {
        return await call();
      } catch (error) {
        if (!isLost(error) || performance.now() - begin > AWAY * 1000) throw error;
        await setTimeout(1000, undefined, { signal: this.#place.signal });
      }
  }
}

function reasonOf({ output }: JobWithMetadata<Ticket>): string {
  const found = output as {
    readonly message?: string;
    readonly value?: { readonly message?: string };
  } | null;
  const message = found?.message ?? found?.value?.message ?? "no reason was given";
  return message === "job heartbeat timeout" ? "its worker died or fell silent" : message;
}
