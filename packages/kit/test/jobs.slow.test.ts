/** Jobs in shards: alone, interrupted, and shared by processes through a real PostgreSQL server. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { JobError, type JobProgress, QueueError, runJob, type ShardedJob } from "../src/jobs/index.ts";
import { type Postgres, postgresFolder, startPostgres } from "./support/postgres.ts";

let root = "";
let folder = "";
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tessera-kit-jobs-"));
});
beforeEach(() => {
  folder = join(root, `job-${count++}`);
});
afterAll(async () => await rm(root, { recursive: true }));

const lengths = (more: Partial<ShardedJob<number[]>> = {}): ShardedJob<number[]> => ({
  ...{ name: "lengths", folder, settings: { of: "words" }, shardSize: 2 },
  items: ["a", "bb", "ccc", "dddd", "eeeee"],
  work: async ({ items }, { finished }) =>
    items.map((item, i) => {
      finished(i + 1);
      return item.length;
    }),
  ...more,
});

describe("a job in this process", () => {
  it("gives the results of its shards in order, and reports every item", async () => {
    const seen: JobProgress[] = [];
    expect(await runJob(lengths(), { progress: (progress) => seen.push(progress) })).toEqual([
      [1, 2],
      [3, 4],
      [5],
    ]);
    expect(seen.map(({ done }) => done)).toEqual([0, 1, 2, 2, 3, 4, 4, 5, 5]);
    expect(seen.every(({ total }) => total === 5)).toBe(true);
  });

  it("does nothing again, and nothing at all without items", async () => {
    const first = await runJob(lengths());
    const work = () => Promise.reject(new Error("worked again"));
    expect(await runJob(lengths({ work }))).toEqual(first);
    expect(await runJob(lengths({ work, items: [], folder: `${folder}-empty` }))).toEqual([]);
  });

  it("goes on where it was stopped", async () => {
    const controller = new AbortController();
    const worked: number[] = [];
    const work: ShardedJob<number[]>["work"] = async ({ index, items }) => {
      worked.push(index);
      if (index === 1 && worked.length === 2) controller.abort(new Error("stopped"));
      return items.map(({ length }) => length);
    };
    await expect(runJob(lengths({ work }), { signal: controller.signal })).rejects.toThrow("stopped");
    expect(await runJob(lengths({ work }))).toEqual([[1, 2], [3, 4], [5]]);
    expect(worked).toEqual([0, 1, 1, 2]);
  });

  it("tries a failing shard again, finishes the others, and names it with its reason", async () => {
    let tries = 0;
    const flaky = lengths({
      work: async ({ index, items }) => {
        if (index === 0 && ++tries < 3) throw new Error("try again");
        if (index === 1) throw new Error("no such luck");
        return items.map(({ length }) => length);
      },
    });
    const error = await runJob(flaky).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(JobError);
    expect((error as JobError).message).toBe(
      "lengths: 1 shard failed; the same command tries again\nshard 1 (ccc to dddd): no such luck",
    );
    expect(tries).toBe(3);
    expect((await readdir(join(folder, "shards"))).toSorted()).toEqual(["000000.json", "000002.json"]);
    expect(await runJob(lengths())).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("is refused where its folder holds another job", async () => {
    await runJob(lengths());
    for (const [more, message] of [
      [{ name: "widths" }, "expected a job with job widths, found one with lengths"],
      [{ settings: { of: "lines" } }, "expected a job with of lines, found one with words"],
      [{ settings: {} }, "expected a job without of, found one with words"],
      [{ shardSize: 3 }, "expected a job with shard size 3, found one with 2"],
      [{ items: ["a"] }, "expected a job with items 1, found one with 5"],
      [
        { items: ["a", "bb", "c", "dddd", "eeeee"] },
        "expected a job with c, found one with ccc in its place",
      ],
    ] as const)
      await expect(runJob(lengths(more))).rejects.toThrow(`${folder}: ${message}`);
    await expect(runJob(lengths({ shardSize: 0 }))).rejects.toThrow("shardSize: expected a whole number");
    await writeFile(join(folder, "job.json"), "{");
    await expect(runJob(lengths())).rejects.toThrow(`${join(folder, "job.json")}: expected JSON`);
  });
});

describe("addresses of queues", () => {
  it.each(["redis://a/b", "postgres://host", "here", "postgres://u:secret@host/"])(
    "refuses %s",
    async (queue) => {
      const error = await runJob(lengths(), { queue }).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(QueueError);
      expect((error as Error).message).toContain(
        "expected postgres://user:password@host:port/database, got ",
      );
      expect((error as Error).message).not.toContain("secret");
    },
  );

  it("says that no server answers", async () => {
    await expect(runJob(lengths(), { queue: "postgres://me:secret@127.0.0.1:1/jobs" })).rejects.toThrow(
      "queue 127.0.0.1:1: no PostgreSQL server answers (ECONNREFUSED)",
    );
  });
});

const bin = postgresFolder();
if (!bin) console.warn("jobs on a queue: skipped, as PostgreSQL is not installed (Debian: postgresql)");

describe.skipIf(!bin)("a job on a queue", () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres(bin as string);
  }, 60_000);
  afterAll(async () => await server?.remove());

  interface Counted {
    readonly shard: number;
    readonly items: readonly string[];
    readonly by: number;
  }

  interface Running {
    readonly child: ChildProcess;
    readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  }

  function work(items: number, onOutput?: (text: string, child: ChildProcess) => void): Running {
    const script = join(import.meta.dirname, "support/job-worker.ts");
    const child = spawn(process.execPath, [script, folder, server.url(), String(items)]);
    onTestFinished(() => void child.kill("SIGKILL"));
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      onOutput?.(text, child);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    const ended = new Promise<{ code: number | null; out: string; err: string }>((done) =>
      child.on("close", (code) => done({ code, out, err })),
    );
    return { child, ended };
  }

  async function resultsOf({ ended }: Running): Promise<Counted[]> {
    const { code, out, err } = await ended;
    expect(code, err).toBe(0);
    return JSON.parse(out.trim().split("\n").at(-1)!);
  }

  /** Shards by the process that began them, in order. */
  async function begun(): Promise<{ readonly by: number; readonly shard: number }[]> {
    const lines = (await readFile(join(folder, "log"), "utf8")).trim().split("\n");
    return lines.map((line) => line.split(" ").map(Number)).map(([by = 0, shard = 0]) => ({ by, shard }));
  }

  it("is done once by two processes together", { timeout: 60_000 }, async () => {
    const workers = [work(80), work(80)];
    const [one, other] = await Promise.all(workers.map(resultsOf));
    expect(one).toEqual(other);
    expect(one!.flatMap(({ items }) => items)).toEqual(Array.from({ length: 80 }, (_, i) => `item ${i}`));
    expect(new Set(one!.map(({ by }) => by))).toEqual(new Set(workers.map(({ child }) => child.pid)));
    const started = await begun();
    expect(started.map(({ shard }) => shard).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
  });

  it("survives a worker that is killed: its shard is taken again, and no other", {
    timeout: 120_000,
  }, async () => {
    let seen = 0;
    const doomed = work(80, (text, child) => {
      seen += text.match(/^shard/gm)?.length ?? 0;
      if (seen >= 3) child.kill("SIGKILL");
    });
    const survivor = work(80);
    expect((await doomed.ended).code).toBeNull();
    const results = await resultsOf(survivor);
    expect(results.map(({ shard }) => shard)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(results.flatMap(({ items }) => items)).toHaveLength(80);
    const started = await begun();
    const lost = started.filter(({ by }) => by === doomed.child.pid).at(-1)!.shard;
    const twice = results.filter(({ shard }) => started.filter((each) => each.shard === shard).length > 1);
    expect(twice).toEqual([expect.objectContaining({ shard: lost, by: survivor.child.pid })]);
    expect((await readdir(join(folder, "shards"))).filter((file) => !file.endsWith(".json"))).toEqual([]);
  });

  const queue = () => server.url();

  it("goes on without the queue, and the queue with what was done without", async () => {
    const controller = new AbortController();
    const worked: number[] = [];
    const work: ShardedJob<number[]>["work"] = async ({ index, items }) => {
      worked.push(index);
      if (worked.length === 2) controller.abort(new Error("stopped"));
      return items.map(({ length }) => length);
    };
    await expect(runJob(lengths({ work }), { signal: controller.signal })).rejects.toThrow("stopped");
    expect(await runJob(lengths({ work }), { queue: queue() })).toEqual([[1, 2], [3, 4], [5]]);
    expect(worked).toEqual([0, 1, 1, 2]);
  });

  it("names the shards that failed; the same job tries them again", { timeout: 60_000 }, async () => {
    const tries = new Map<number, number>();
    const failing = lengths({
      work: async ({ index, items }) => {
        tries.set(index, (tries.get(index) ?? 0) + 1);
        if (index === 1) throw new Error("no such luck");
        return items.map(({ length }) => length);
      },
    });
    await expect(runJob(failing, { queue: queue() })).rejects.toThrow(
      "lengths: 1 shard failed; the same command tries again\nshard 1 (ccc to dddd): no such luck",
    );
    expect(Object.fromEntries(tries)).toEqual({ 0: 1, 1: 4, 2: 1 });
    await expect(runJob(failing, { queue: queue() })).rejects.toThrow("shard 1 (ccc to dddd): no such luck");
    expect(tries.get(1)).toBeGreaterThan(4);
    expect(await runJob(lengths(), { queue: queue() })).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("has more shards than the queue lists at once", { timeout: 60_000 }, async () => {
    const items = Array.from({ length: 2500 }, (_, i) => String(i));
    const failing = lengths({
      ...{ items, shardSize: 1 },
      work: async ({ index }) => {
        if (index === 2400) throw new Error("no such luck");
        return [index];
      },
    });
    await expect(runJob(failing, { queue: queue() })).rejects.toThrow("shard 2400 (2400): no such luck");
    const results = await runJob(lengths({ items, shardSize: 1 }), { queue: queue() });
    expect(results).toHaveLength(2500);
  });

  it("begins anew in a folder that was deleted", async () => {
    await runJob(lengths(), { queue: queue() });
    await rm(folder, { recursive: true });
    let worked = 0;
    const work: ShardedJob<number[]>["work"] = async () => [worked++];
    expect(await runJob(lengths({ work }), { queue: queue() })).toHaveLength(3);
    expect(worked).toBe(3);
  });

  it("is refused where its folder holds another job", async () => {
    await runJob(lengths(), { queue: queue() });
    const other = lengths({ settings: { of: "lines" } });
    await expect(runJob(other, { queue: queue() })).rejects.toThrow("expected a job with of lines");
  });

  it("says what is wrong with the address, without the password", async () => {
    for (const [url, message] of [
      [server.url("wrong"), `queue 127.0.0.1:${server.port}: wrong password for user tessera (28P01)`],
      [server.url(undefined, "none"), "there is no database none (3D000)"],
    ] as const) {
      const error = await runJob(lengths(), { queue: url }).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(QueueError);
      expect((error as Error).message).toContain(message);
      expect((error as Error).message).not.toMatch(/wrong@|right/);
    }
  });

  it("waits for a server that restarts", { timeout: 60_000 }, async () => {
    const job = lengths({
      work: async ({ index, items }) => {
        if (index === 1) {
          await server.stop();
          setTimeout(() => void server.start(), 500);
        }
        return items.map(({ length }) => length);
      },
    });
    expect(await runJob(job, { queue: queue() })).toEqual([[1, 2], [3, 4], [5]]);
  });
});
