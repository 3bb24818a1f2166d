import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fit, openCheckpoint, SGD } from "../../src/index.ts";
import { loader, lossOf, Net } from "../support/spirals.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-fit-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}
/** Runs the child until its end, or until `stop` says how to end it. */
async function run(
  where: string,
  pause: number,
  stop?: (child: ReturnType<typeof spawn>) => void,
): Promise<Ending> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "child.ts"), where, String(pause)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (data: Buffer) => {
      output += data.toString();
    });
  stop?.(child);
  return await new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, output }));
  });
}

/** The lines of metrics without what depends on the clock. */
async function metrics(where: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(join(where, "metrics.jsonl"), "utf8")).trim().split("\n");
  return lines.map((line) => {
    const { stepsPerSecond: _, ...rest } = JSON.parse(line) as Record<string, unknown>;
    return rest;
  });
}
/** Resolves when there is a checkpoint of at least that step. */
async function reached(where: string, step: number): Promise<void> {
  for (;;) {
    const names = await readdir(join(where, "checkpoints")).catch(() => []);
    if (names.some((name) => Number(/^step-(\d+)\.safetensors$/.exec(name)?.[1]) >= step)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
async function finalValues(where: string) {
  await using checkpoint = await openCheckpoint(join(where, "checkpoints", "step-00000120.safetensors"));
  const values: [string, number[]][] = [];
  for (const name of checkpoint.names())
    values.push([name, Array.from(await checkpoint.get(name).read(), Number)]);
  return new Map(values);
}

test("a run that is killed again and again ends like one that was not", async () => {
  const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
  const uninterrupted = await run(whole, 0);
  expect(uninterrupted.code, uninterrupted.output).toBe(0);
  // What a process that was killed while it wrote leaves behind.
  await mkdir(join(killed, "checkpoints"), { recursive: true });
  await writeFile(join(killed, "checkpoints", "step-00000099.safetensors.123-abcdef12.tmp"), "half");

  for (const [step, delay] of [
    [7, 3],
    [42, 20],
    [91, 11],
  ] as const) {
    const ending = await run(killed, 6, (child) => {
      void reached(killed, step).then(() => setTimeout(() => child.kill("SIGKILL"), delay));
    });
    expect(ending.signal, ending.output).toBe("SIGKILL");
  }
  const last = await run(killed, 0);
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
}, 120_000);

test("Ctrl-C ends a run with a checkpoint, from which it goes on", async () => {
  const where = join(folder, "interrupted");
  const ending = await run(where, 15, (child) => {
    void reached(where, 14).then(() => child.kill("SIGINT"));
  });
  expect(ending.code, ending.output).toBe(0);
  const result = JSON.parse(ending.output.trim().split("\n").at(-1) as string) as {
    steps: number;
    reason: string;
  };
  expect(result.reason).toBe("aborted");
  expect(result.steps).toBeLessThan(120);
  const names = await readdir(join(where, "checkpoints"));
  expect(names).toContain(`step-${String(result.steps).padStart(8, "0")}.safetensors`);
  const again = await run(where, 0);
  expect(again.output).toContain(`going on after step ${result.steps}`);
  expect(await metrics(where)).toEqual(await metrics(join(folder, "whole")));
}, 120_000);

test("a run that is complete does nothing more", async () => {
  const where = join(folder, "whole");
  const before = await finalValues(where);
  const ending = await run(where, 0);
  expect(ending.code).toBe(0);
  expect(JSON.parse(ending.output.trim().split("\n").at(-1) as string)).toMatchObject({
    steps: 120,
    reason: "finished",
  });
  expect(await finalValues(where)).toEqual(before);
}, 120_000);

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
