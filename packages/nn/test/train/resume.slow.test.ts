import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fit, openCheckpoint, SGD } from "../../src/index.ts";
import { loader, lossOf, Net } from "../support/spirals.ts";

let folder = "";
/** The folder of the uninterrupted run. */
let whole = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-fit-"));
  whole = join(folder, "whole");
  const { code, output } = await run(whole);
  expect(code, output).toBe(0);
});
const children: ChildProcess[] = [];
afterAll(async () => {
  // If a test timed out, its child may still be running.
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Everything it wrote, stdout and stderr interleaved in no fixed order. */
  readonly output: string;
  /** What it wrote to stdout. */
  readonly result: string;
}
interface Stop {
  readonly signal: NodeJS.Signals;
  /** Sent `delay` ms after the first checkpoint of at least this step. */
  readonly step: number;
  readonly delay: number;
  /** The child pauses after this many batches until it is stopped. */
  readonly last: number;
}
/** Runs the child until it ends or is stopped. */
async function run(where: string, stop?: Stop): Promise<Ending> {
  const program = join(import.meta.dirname, "child.ts");
  const child = spawn(process.execPath, [program, where, ...(stop ? [String(stop.last)] : [])], {
    stdio: ["ignore", "pipe", "pipe"],
    // On a busy machine, the threads of a small network cost more than they gain.
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

/** The lines of metrics without their timing. */
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

test("a run that is killed repeatedly ends like an uninterrupted one", async () => {
  const killed = join(folder, "killed");
  // The leftover of a process killed while writing.
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
  expect(last.output).toContain("resuming after step");

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

test("Ctrl-C ends a run with a checkpoint from which it resumes", async () => {
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
  expect(again.output).toContain(`resuming after step ${result.steps}`);
  expect(await metrics(where)).toEqual(await metrics(whole));
});

test("a complete run does not continue", async () => {
  const before = await finalValues(whole);
  const ending = await run(whole);
  expect(ending.code, ending.output).toBe(0);
  expect(JSON.parse(ending.result)).toMatchObject({
    steps: 120,
    reason: "finished",
  });
  expect(await finalValues(whole)).toEqual(before);
});

test("a run stopped without improvement continues only with more patience", async () => {
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
