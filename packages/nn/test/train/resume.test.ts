import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fit, openCheckpoint, SGD } from "../../src/index.ts";
import { loader, lossOf, Net } from "../support/spirals.ts";

let folder = "";
/** The folder of a run that nobody stopped. */
let whole = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-fit-"));
  whole = join(folder, "whole");
  const { code, output } = await run(whole);
  expect(code, output).toBe(0);
});
const children: ChildProcess[] = [];
afterAll(async () => {
  // Where a test failed by its time limit, its child may still run.
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** All that it wrote, and what of it went to the standard output: two pipes keep no common order. */
  readonly output: string;
  readonly result: string;
}
interface Stop {
  readonly signal: NodeJS.Signals;
  /** It comes some time (ms) after a checkpoint of at least this step. */
  readonly step: number;
  readonly delay: number;
  /** The child does no more batches before it comes. */
  readonly last: number;
}
/** Runs the child until its end, or until it is stopped. */
async function run(where: string, stop?: Stop): Promise<Ending> {
  const program = join(import.meta.dirname, "child.ts");
  const child = spawn(process.execPath, [program, where, ...(stop ? [String(stop.last)] : [])], {
    stdio: ["ignore", "pipe", "pipe"],
    // On a busy machine the threads of a small network wait more for each other than they help.
    env: { ...process.env, TESSERA_THREADS: "1" },
  });
  children.push(child);
  let [output, result] = ["", ""];
  child.stderr.on("data", (data: Buffer) => {
    output += data.toString();
  });
  child.stdout.on("data", (data: Buffer) => {
    output += data.toString();
    result += data.toString();
  });
  const ending = new Promise<Ending>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, output, result }));
  });
  if (stop) {
    while (child.exitCode === null && !((await newest(where)) >= stop.step)) await wait(5);
    await wait(stop.delay);
    child.kill(stop.signal);
  }
  return await ending;
}
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The step of the newest checkpoint. */
async function newest(where: string): Promise<number> {
  const names = await readdir(join(where, "checkpoints")).catch(() => []);
  return Math.max(-1, ...names.map((name) => Number(/^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? -1)));
}

/** The lines of metrics without what depends on the clock. */
async function metrics(where: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(join(where, "metrics.jsonl"), "utf8")).trim().split("\n");
  return lines.map((line) => {
    const { stepsPerSecond: _, ...rest } = JSON.parse(line) as Record<string, unknown>;
    return rest;
  });
}
async function finalValues(where: string) {
  await using checkpoint = await openCheckpoint(join(where, "checkpoints", "step-00000120.safetensors"));
  const values: [string, number[]][] = [];
  for (const name of checkpoint.names())
    values.push([name, Array.from(await checkpoint.get(name).read(), Number)]);
  return new Map(values);
}

test("a run that is killed again and again ends like one that was not", async () => {
  const killed = join(folder, "killed");
  // What a process that was killed while it wrote leaves behind.
  await mkdir(join(killed, "checkpoints"), { recursive: true });
  await writeFile(join(killed, "checkpoints", "step-00000099.safetensors.123-abcdef12.tmp"), "half");

  for (const [step, delay] of [
    [7, 3],
    [42, 20],
    [91, 11],
  ] as const) {
    const ending = await run(killed, { signal: "SIGKILL", step, delay, last: 115 });
    expect(ending.signal, ending.output).toBe("SIGKILL");
  }
  const last = await run(killed);
  expect(last.code, last.output).toBe(0);
  expect(last.output).toContain("going on after step");

  expect(await metrics(killed)).toEqual(await metrics(whole));
  expect(await finalValues(killed)).toEqual(await finalValues(whole));
  const names = await readdir(join(killed, "checkpoints"));
  expect(names.sort()).toEqual([
    "best.safetensors",
    "step-00000119.safetensors",
    "step-00000120.safetensors",
  ]);
  const lines = await metrics(whole);
  expect(lines.filter(({ kind }) => kind === "training").length).toBe(24);
  expect(lines.at(-1)).toMatchObject({ step: 120, kind: "evaluation", accuracy: expect.any(Number) });
});

test("Ctrl-C ends a run with a checkpoint, from which it goes on", async () => {
  const where = join(folder, "interrupted");
  const ending = await run(where, { signal: "SIGINT", step: 14, delay: 0, last: 60 });
  expect(ending.code, ending.output).toBe(0);
  const result = JSON.parse(ending.result) as {
    steps: number;
    reason: string;
  };
  expect(result.reason).toBe("aborted");
  expect(result.steps).toBeLessThan(62);
  const names = await readdir(join(where, "checkpoints"));
  expect(names).toContain(`step-${String(result.steps).padStart(8, "0")}.safetensors`);
  const again = await run(where);
  expect(again.output).toContain(`going on after step ${result.steps}`);
  expect(await metrics(where)).toEqual(await metrics(whole));
});

test("a run that is complete does nothing more", async () => {
  const before = await finalValues(whole);
  const ending = await run(whole);
  expect(ending.code, ending.output).toBe(0);
  expect(JSON.parse(ending.result)).toMatchObject({
    steps: 120,
    reason: "finished",
  });
  expect(await finalValues(whole)).toEqual(before);
});

test("a run that stopped for want of a better evaluation does nothing more, unless it may wait longer", async () => {
  const train = async (patience: number) => {
    const net = new Net();
    let evaluations = 0;
    return await fit({
      model: net,
      optimizer: new SGD(net, { lr: 0.01 }),
      data: loader(),
      loss: lossOf(net),
      epochs: 4,
      evaluate: () => ({ accuracy: -evaluations++ }),
      best: { metric: "accuracy", mode: "max", patience },
      checkpoints: { folder: join(folder, "patience"), every: { steps: 5 } },
      progress: false,
    });
  };
  expect(await train(1)).toMatchObject({ steps: 32, reason: "no improvement" });
  expect(await train(1)).toMatchObject({ steps: 32, reason: "no improvement" });
  expect((await train(2)).steps).toBeGreaterThan(32);
});
