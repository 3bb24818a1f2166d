/** The folder of a sharded job: what the job is, and the results of its shards. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requireSame } from "../same-settings.ts";
import type { Shard, ShardedJob } from "./job.ts";

interface StoredJob {
  readonly job: string;
  /** Made with the folder: a folder that was deleted and made again is another job. */
  readonly id: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly shardSize: number;
  readonly items: readonly string[];
}

const JOB = "job.json";
const SHARDS = "shards";

export class JobFolder<Result> {
  readonly #shards: string;
  /** Unique to this job in this folder. */
  readonly id: string;

  private constructor(folder: string, id: string) {
    this.#shards = join(folder, SHARDS);
    this.id = id;
  }

  /**
   * Claims the folder for the job, or checks that it holds the same one.
   *
   * @throws Error naming the setting that differs, or the first item
   */
  static async open<Result>(job: ShardedJob<Result>): Promise<JobFolder<Result>> {
    const { name, folder, settings, shardSize, items } = job;
    await mkdir(join(folder, SHARDS), { recursive: true });
    const path = join(folder, JOB);
    const wanted: StoredJob = { job: name, id: randomUUID(), settings, shardSize, items };
    if (await writeOnce(path, JSON.stringify(wanted))) return new JobFolder(folder, wanted.id);
    const found = await readJson<StoredJob>(path);
    const named = (stored: StoredJob) => ({
      ...{ job: stored.job, ...stored.settings, "shard size": stored.shardSize },
      items: stored.items.length,
    });
    requireSame(folder, "job", named(wanted), named(found));
    const differs = items.findIndex((item, i) => item !== found.items[i]);
    if (differs >= 0)
      throw new Error(
        `${folder}: expected a job with ${items[differs]}, found one with ${found.items[differs]} in its place; choose another folder or delete it`,
      );
    return new JobFolder(folder, found.id);
  }

  /** Indices of the finished shards. */
  async finished(): Promise<Set<number>> {
    const files = await readdir(this.#shards);
    return new Set(files.filter((file) => /^\d+\.json$/.test(file)).map((file) => Number.parseInt(file, 10)));
  }

  /** Stores the result of a shard unless there is one. */
  async commit({ index }: Shard, result: Result): Promise<void> {
    await writeOnce(this.#path(index), JSON.stringify(result));
  }

  has({ index }: Shard): boolean {
    return existsSync(this.#path(index));
  }

  async result({ index }: Shard): Promise<Result> {
    return await readJson<Result>(this.#path(index));
  }

  #path(index: number): string {
    return join(this.#shards, `${String(index).padStart(6, "0")}.json`);
  }
}

async function readJson<T>(path: string): Promise<T> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error(`${path}: expected JSON: ${error.message}`);
    throw error;
  }
}

/** File systems without hard links. */
const NO_LINKS: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** Writes a file unless it exists; it never exists in part. @returns whether it was written */
async function writeOnce(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  await writeFile(temporary, content);
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST" || existsSync(path)) return false;
    if (!NO_LINKS.has(code)) throw error;
    await rename(temporary, path);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}
