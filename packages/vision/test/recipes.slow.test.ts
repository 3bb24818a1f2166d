import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRecipe } from "@tessera-ml/kit/catalogue";
import { meets, readResult } from "@tessera-ml/kit/training";
import { SGD } from "@tessera-ml/nn";
import { fromArray } from "@tessera-ml/tensor";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { listDatasets } from "../src/data/index.ts";
import { accuracyOf, ImageClassifier, loadClassifier, squaredErrorLoss } from "../src/index.ts";
import { defineClassifierRecipe } from "../src/recipes/define.ts";
import { recipes } from "../src/recipes/index.ts";
import { networkInput, spread } from "../src/recipes/pictures.ts";
import { imageClassification } from "../src/task.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-recipes-"));
});
const children: ChildProcess[] = [];
afterAll(async () => {
  // If a test timed out, its child may still be running.
  for (const running of children) running.kill("SIGKILL");
  await rm(folder, { recursive: true });
});
afterEach(() => void vi.unstubAllEnvs());

const here = new Set((await listDatasets()).filter((d) => d.place !== "absent").map((d) => d.record.name));
if (!here.has("mnist") || !here.has("usps")) console.warn("recipes: MNIST or USPS is absent, skipping tests");

const recipe = (name: string) => recipes.find((each) => each.name === name)!;

/** The recipe of 1989 in large batches, with any expectation: a second for an epoch over all of USPS. */
const quick = (atMost: number) =>
  defineClassifierRecipe({
    ...recipe("lecun1989"),
    dataset: "usps",
    epochs: 1,
    expected: { metric: "error", atMost },
    batchSize: 64,
    train: ({ model }) => ({ optimizer: new SGD(model, { lr: 0.3 }), loss: squaredErrorLoss }),
  });

describe("images", () => {
  test("pads to the crop with black, then normalises by mean and standard deviation", async () => {
    const image = fromArray(Uint8Array.of(255, 0, 51, 102), [1, 1, 2, 2]);
    const x = networkInput(image, {
      ...recipe("lenet5").preprocessing,
      crop: [3, 4],
      mean: [0.2],
      std: [0.5],
    });
    const row = (...values: number[]) => values.map((v) => (v - 0.2) / 0.5);
    const expected = [...row(0, 1, 0, 0), ...row(0, 0.2, 0.4, 0), ...row(0, 0, 0, 0)];
    expect(x.shape).toEqual([1, 1, 3, 4]);
    ((await x.data()) as Float32Array).forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i] as number, 6);
    });
    const lenet = networkInput(image, recipe("lenet5").preprocessing);
    const values = (await lenet.data()) as Float32Array;
    expect([Math.min(...values), Math.max(...values)]).toEqual([
      expect.closeTo(-0.1, 6),
      expect.closeTo(1.175, 6),
    ]);
    expect(() => networkInput(image, { ...recipe("lenet5").preprocessing, crop: [1, 1] })).toThrow(
      /\[2,2\] are larger than the input, \[1,1\]/,
    );
  });
  test("a subset, evenly spaced", () => {
    const images = { data: Uint8Array.from({ length: 20 }, (_, i) => i), shape: [10, 1, 1, 2] as const };
    const some = spread({ images, labels: Int32Array.from({ length: 10 }, (_, i) => i) }, 4);
    expect([...some.labels]).toEqual([0, 2, 5, 7]);
    expect([...some.images.data]).toEqual([0, 1, 4, 5, 10, 11, 14, 15]);
    expect(some.images.shape).toEqual([4, 1, 1, 2]);
  });
});

describe("finding recipes", () => {
  test("by name, with suggestions", async () => {
    const find = async (name: string) => (await findRecipe([imageClassification], name)).recipe;
    for (const each of recipes) expect(await find(each.name)).toBe(each);
    await expect(find("lenet")).rejects.toThrow(/Did you mean lenet5/);
    await expect(find("zzzz")).rejects.toThrow(/`tessera train` lists all/);
  });
  test("a recipe's expectation", () => {
    expect(meets({ metric: "top1", atLeast: 90 }, { top1: 90 })).toBe(true);
    expect(meets({ metric: "top1", atLeast: 90 }, { top1: 89.99 })).toBe(false);
    expect(meets({ metric: "error", atMost: 6.5 }, { top1: 93, error: 7 })).toBe(false);
    expect(() => meets({ metric: "error", atMost: 6.5 }, { loss: 1 })).toThrow(/got loss/);
  });
  test("an absent data set: says what to do", async () => {
    vi.stubEnv("TESSERA_SHARED", join(folder, "nothing"));
    vi.stubEnv("TESSERA_CACHE", join(folder, "empty"));
    const run = recipe("lenet5").run({ folder: join(folder, "absent"), progress: false });
    await expect(run).rejects.toThrow(/tessera data get mnist/);
  });
});

test.skipIf(!here.has("mnist") || !here.has("usps")).each(["lecun1989", "lenet5", "digitnet"])(
  "%s: the loss falls within 500 samples",
  async (name) => {
    const losses: number[] = [];
    const seen: number[] = [];
    const result = await recipe(name).run({
      folder: join(folder, name),
      epochs: 1,
      samples: 500,
      progress: ({ loss }) => void losses.push(loss),
      evaluated: ({ figures }) => void seen.push(figures.loss as number),
    });
    expect(seen).toEqual([result.figures.loss]);
    expect(result.figures.loss).toBeLessThan(0.95 * (losses[0] as number));
    expect(result).toMatchObject({ recipe: name, epochs: 1, samples: 500, passed: undefined });
    expect(await readResult(join(folder, name))).toEqual(JSON.parse(JSON.stringify(result)));
  },
);

describe.skipIf(!here.has("usps"))("a run", () => {
  test("of full length is judged; a finished one returns its result; a folder holds one run", async () => {
    const where = join(folder, "judged");
    const result = await quick(50).run({ folder: where, progress: false });
    expect(result.passed).toBe(true);
    expect(result.figures.error).toBeCloseTo(100 - (result.figures.top1 as number), 9);
    const { record } = await ImageClassifier.load(where);
    expect(record).toMatchObject({ name: "lecun1989.run", network: "lecun1989" });
    expect(record.preprocessing).toEqual(quick(50).preprocessing);
    expect(accuracyOf(record)?.top1).toBeCloseTo(result.figures.top1 as number, 1);
    const again = await quick(50).run({ folder: where, progress: false });
    expect(again).toEqual(JSON.parse(JSON.stringify(result)));
    await expect(quick(50).run({ folder: where, seed: 3, progress: false })).rejects.toThrow(
      /expected a run with seed 3, found one with 0/,
    );
    const missed = await quick(0).run({ folder: join(folder, "missed"), progress: false });
    expect(missed.passed).toBe(false);
    await expect(quick(0).ship(join(folder, "missed"))).rejects.toThrow(/error ≤ 0 %, got/);
  });

  test("that is stopped has no verdict and can be resumed", async () => {
    const where = join(folder, "stopped");
    const stop = new AbortController();
    const early = { folder: where, epochs: 3, samples: 640, progress: false } as const;
    const first = await quick(50).run({ ...early, evaluated: () => stop.abort(), signal: stop.signal });
    expect(first.passed).toBeUndefined();
    expect(await readResult(where)).toBeUndefined();
    await quick(50).run(early);
    expect(await readResult(where)).toMatchObject({ epochs: 3, samples: 640 });
  });

  test("that is killed and resumed ends like an uninterrupted one", async () => {
    const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
    const uninterrupted = await child(whole);
    expect(uninterrupted.code, uninterrupted.output).toBe(0);
    const first = await child(killed, 2);
    expect(first.signal, first.output).toBe("SIGKILL");
    expect(await readResult(killed)).toBeUndefined();
    const second = await child(killed);
    expect(second.output).toContain("resuming after step");
    const [expected, got] = [await readResult(whole), await readResult(killed)];
    expect(got?.figures).toEqual(expected?.figures);
    const bytes = async (where: string) => await readFile(join(where, "model.safetensors"));
    expect((await bytes(killed)).equals(await bytes(whole))).toBe(true);
  }, 600_000);
});

/** Runs the recipe of 1989 for three epochs of 200 samples, or until it has evaluated epoch `last` and is killed. */
async function child(where: string, last?: number) {
  const path = join(import.meta.dirname, "support", "recipe-child.ts");
  const running = spawn(process.execPath, [path, where, "lecun1989", "3", "200", String(last)], {
    stdio: ["ignore", "pipe", "pipe"],
    // On a busy machine, threads cost a small network more than they gain.
    env: { ...process.env, TESSERA_THREADS: "1" },
  });
  children.push(running);
  let output = "";
  for (const stream of [running.stdout, running.stderr])
    stream.on("data", (data: Buffer) => {
      output += data.toString();
    });
  const [code, signal] = (await once(running, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, output };
}

describe.skipIf(!here.has("usps"))("shipping", () => {
  test("a checkpoint in half precision, its record, and a card with the figures", async () => {
    const where = join(folder, "shipped");
    vi.stubEnv("TESSERA_MODELS", join(folder, "models"));
    const short = quick(50);
    await expect(short.ship(where)).rejects.toThrow(/no finished run of lecun1989/);
    await short.run({ folder: where, progress: false, samples: 2000 });
    await expect(short.ship(where)).rejects.toThrow(/the run was shortened; not shipped/);
    await expect(recipe("lenet5").ship(where)).rejects.toThrow(/expected a run of lenet5/);
    expect(existsSync(join(folder, "models"))).toBe(false);

    const record = await short.ship(where, { force: true });
    const result = await readResult(where);
    expect(record).toMatchObject({ name: "lecun1989.tessera", network: "lecun1989", params: 9_760 });
    expect(Math.abs((accuracyOf(record)?.top1 ?? 0) - (result?.figures.top1 ?? 100))).toBeLessThan(0.06);
    const [{ file, size, sha256 }] = record.files;
    expect(size).toBeLessThan(2 * 9_760 + 2_000);
    const shipped = join(folder, "models", record.name);
    expect((await readdir(shipped)).sort()).toEqual(["README.md", "model.safetensors", "record.json"]);
    const { report } = await loadClassifier(record.network, join(shipped, file));
    expect(report.missing).toEqual([]);
    const card = await readFile(join(shipped, "README.md"), "utf8");
    expect(card).toContain(`${accuracyOf(record)?.top1.toFixed(2)} %`);
    expect(card).toContain("not checked: the run was shortened");
    expect(card).toContain(sha256);
  });
});
