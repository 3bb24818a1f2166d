/** Recipes from their definition to a shipped checkpoint, on a line through points that are made up. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { arrays, DataLoader, l1, mse, openCheckpoint, SGD } from "@tessera-ml/nn";
import { fromArray, HostRandom } from "@tessera-ml/tensor";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { openNamed } from "../src/index.ts";
import {
  defineRecipe,
  describeExpected,
  meets,
  pathOption,
  type RecipeDefinition,
  type RecipeOptions,
  readResult,
} from "../src/recipes/index.ts";
import { Line, recordOf, toys } from "./support/toys.ts";

let root = "";
let folder = "";
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tessera-kit-recipes-"));
});
beforeEach(() => {
  folder = join(root, `run-${count++}`);
  vi.stubEnv("TESSERA_MODELS", join(folder, "models"));
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(async () => await rm(root, { recursive: true }));

/** Points of y = 2 x − 1, [count, 1] each. */
function points(count: number, seed: number) {
  const random = new HostRandom(seed);
  const x = new Float32Array(count).map(() => 2 * random.next() - 1);
  const shape = [count, 1];
  return { x: { data: x, shape }, y: { data: x.map((value) => 2 * value - 1), shape } };
}

async function figures(module: Line): Promise<Record<string, number>> {
  const { x, y } = points(50, 999);
  const found = module.forward(fromArray(x.data, x.shape));
  const truth = fromArray(y.data, y.shape);
  return { loss: await mse(found, truth).item(), mae: await l1(found, truth).item() };
}

type Definition = RecipeDefinition<{ readonly x: never; readonly y: never }>;

/** Less is better. */
function lineDefinition(): Definition {
  return {
    ...{ name: "line", title: "A line", paper: "None", task: "fit-line", network: "line" },
    ...{ dataset: "points", epochs: 4, minutes: 0.1 },
    expected: { metric: "mae", atMost: 0.05, published: "0.01 (somebody)" },
    metrics: { mae: { label: "error", unit: "m", better: "less", digits: 3 } },
    prepare: async ({ seed, samples: most }) => {
      const module = new Line();
      const samples = Math.min(200, most);
      return {
        module,
        samples,
        optimizer: new SGD(module, { lr: 0.2 }),
        data: new DataLoader(arrays(points(samples, seed)), { batchSize: 10, shuffle: true, seed }),
        loss: ({ x, y }) => mse(module.forward(x), y),
        evaluate: () => figures(module),
      };
    },
  } as Definition;
}

const lineRecipe = (more: Partial<Definition> = {}) => defineRecipe({ ...lineDefinition(), ...more });

const run = (recipe: ReturnType<typeof lineRecipe>, options: Partial<RecipeOptions> = {}) =>
  recipe.run({ folder, progress: false, ...options });

describe("expectations", () => {
  it("are met at their bounds", () => {
    expect(meets({ metric: "mae", atMost: 0.5 }, { mae: 0.5 })).toBe(true);
    expect(meets({ metric: "mae", atMost: 0.5 }, { mae: 0.51 })).toBe(false);
    expect(meets({ metric: "top1", atLeast: 90 }, { top1: 90 })).toBe(true);
    expect(meets({ metric: "top1", atLeast: 90 }, { top1: 89 })).toBe(false);
    expect(meets({ metric: "rate", atLeast: 1, atMost: 2 }, { rate: 3 })).toBe(false);
    expect(meets({ metric: "mae", atMost: 1 }, { mae: Number.NaN })).toBe(false);
    expect(() => meets({ metric: "mae", atMost: 1 }, { loss: 1, top1: 2 })).toThrow(
      "expected the metric mae, got loss, top1",
    );
  });

  it("are said with the metric's label and unit", () => {
    expect(describeExpected({ metric: "mae", atMost: 0.5 })).toBe("mae ≤ 0.5");
    expect(describeExpected({ metric: "top1", label: "top-1", unit: "%", atLeast: 90 })).toBe("top-1 ≥ 90 %");
    expect(describeExpected({ metric: "rate", atLeast: 1, atMost: 2 })).toBe("rate ≥ 1 and ≤ 2");
    expect(lineRecipe().expected).toMatchObject({ metric: "mae", label: "error", unit: "m", atMost: 0.05 });
  });
});

describe("running", () => {
  it("trains, reports every evaluation, and judges by any metric", async () => {
    const evaluated: number[] = [];
    const result = await run(lineRecipe(), { evaluated: ({ figures }) => evaluated.push(figures.mae!) });
    expect(result).toMatchObject({
      ...{ recipe: "line", network: "line", epochs: 4, seed: 0, samples: 200, passed: true },
      checkpoint: join(folder, "model.safetensors"),
    });
    expect(evaluated).toHaveLength(4);
    expect(evaluated.at(-1)).toBe(result.figures.mae);
    expect(result.figures.mae).toBeLessThan(evaluated[0]!);
    expect(await readResult(folder)).toEqual(result);
    expect(await readFile(join(folder, "metrics.jsonl"), "utf8")).toContain('"mae"');
  });

  it("leaves a checkpoint that opens like any other", async () => {
    const { figures } = await run(lineRecipe({ details: () => ({ unit: "m" }) }));
    const opener = { task: "fit-line", networks: toys(), records: [] };
    const { record, checkpoint } = await openNamed(opener, folder, {});
    await using file = checkpoint;
    expect(file.names().toSorted()).toEqual(["fc.bias", "fc.weight"]);
    expect(Object.fromEntries(file.metadata)).toMatchObject({ recipe: "line", network: "line" });
    expect(record).toEqual({
      ...recordOf("line.run", { licence: "Apache-2.0" }),
      // The loss is no figure of the network.
      evaluation: { dataset: "points", metrics: { mae: Number(figures.mae!.toFixed(4)) } },
      unit: "m",
    });
  });

  it("keeps the figures that it is to record", () => {
    const recipe = lineRecipe({ recorded: ["loss"] });
    expect(recipe.record("line.a", { loss: 0.123456, mae: 1 }).evaluation?.metrics).toEqual({ loss: 0.1235 });
    expect(lineRecipe({ recorded: [] }).record("line.a", { mae: 1 }).evaluation).toBeUndefined();
  });

  it("misses what it does not reach; a shortened run is not judged", async () => {
    const strict = { expected: { metric: "mae", atMost: 0 } };
    expect((await run(lineRecipe(strict))).passed).toBe(false);
    for (const short of [{ epochs: 1 }, { samples: 20 }, { epochs: 4, samples: 500 }]) {
      const own = join(folder, JSON.stringify(short));
      expect((await run(lineRecipe(), { folder: own, ...short })).passed, own).toBeUndefined();
    }
  });

  it("continues a stopped run, and ends where an unstopped one does", async () => {
    const whole = await run(lineRecipe(), { folder: join(folder, "whole") });
    const controller = new AbortController();
    const epochs: number[] = [];
    const evaluated = ({ epoch }: { readonly epoch: number }) => {
      epochs.push(epoch);
      if (epoch === 2) controller.abort();
    };
    const stopped = await run(lineRecipe(), { signal: controller.signal, evaluated });
    expect(stopped.passed).toBeUndefined();
    expect(await readResult(folder)).toBeUndefined();
    const resumed = await run(lineRecipe(), { evaluated: ({ epoch }) => epochs.push(epoch) });
    expect(epochs.filter((epoch) => epoch > 2)).toEqual([3, 4]);
    expect(resumed.figures).toEqual(whole.figures);
    expect(resumed.passed).toBe(true);
  });

  it("gives the result of a finished run again, and is another run with other settings", async () => {
    const first = await run(lineRecipe());
    const evaluated = vi.fn();
    expect(await run(lineRecipe(), { evaluated })).toEqual(first);
    expect(evaluated).not.toHaveBeenCalled();
    for (const [options, message] of [
      [{ seed: 1 }, "expected a run with seed 1, found one with 0"],
      [{ epochs: 2 }, "expected a run with epochs 2, found one with 4"],
      [{ samples: 20 }, "expected a run with samples 20, found one with 200"],
    ] as const)
      await expect(run(lineRecipe(), options)).rejects.toThrow(message);
    await expect(run(lineRecipe({ name: "curve" }))).rejects.toThrow("expected a run with recipe curve");
  });

  it("draws its random numbers from the seed", async () => {
    const of = (seed: number, name: string) =>
      run(lineRecipe(), { seed, epochs: 1, folder: join(folder, name) });
    const [one, again, other] = [await of(1, "a"), await of(1, "b"), await of(2, "c")];
    expect(again.figures).toEqual(one.figures);
    expect(other.figures).not.toEqual(one.figures);
  });
});

describe("a recipe's own options", () => {
  const options = z.strictObject({
    ...{ labels: pathOption("folder"), alsoFrom: z.array(pathOption()).optional() },
    ...{ rate: z.number().positive().default(0.2), shuffle: z.boolean().default(true) },
    note: z.string().optional(),
  });
  /** Also keeps the options that each part of the definition was given. */
  function optionRecipe() {
    const seen: { readonly part: string; readonly options: z.output<typeof options> }[] = [];
    const base = lineDefinition();
    const recipe = defineRecipe({
      ...base,
      options,
      prepare: async (setting) => {
        seen.push({ part: "prepare", options: setting.options });
        return await base.prepare(setting);
      },
      card: (options) => {
        seen.push({ part: "card", options });
        return { data: `Points of ${options.labels}`, licence: "CC0-1.0" };
      },
    });
    return { recipe, seen };
  }
  const full = { labels: resolve("labels"), rate: 0.2, shuffle: true };

  it("reach prepare with their defaults and paths resolved, and stand in run.json and the result", async () => {
    const { recipe, seen } = optionRecipe();
    expect(recipe.options).toBe(options);
    const result = await run(recipe, { epochs: 1, options: { labels: "labels" } });
    expect(seen).toEqual([{ part: "prepare", options: full }]);
    expect(result.options).toEqual(full);
    expect(JSON.parse(await readFile(join(folder, "run.json"), "utf8"))).toMatchObject({ options: full });
  });

  it("are the same when a run is resumed", async () => {
    const { recipe } = optionRecipe();
    const go = (more: object) => run(recipe, { epochs: 1, options: { labels: "labels", ...more } });
    const first = await go({});
    expect(await go({ rate: 0.2, labels: resolve("labels") })).toEqual(first);
    for (const [more, message] of [
      [{ rate: 0.1 }, "expected a run with option rate 0.1, found one with 0.2"],
      [{ shuffle: false }, "expected a run with option shuffle false, found one with true"],
      [{ note: "a" }, "expected a run with option note a, found one without"],
      [
        { labels: "other" },
        `expected a run with option labels ${resolve("other")}, found one with ${resolve("labels")}`,
      ],
    ] as const)
      await expect(go(more)).rejects.toThrow(`${folder}: ${message}`);
  });

  it("are refused by name", async () => {
    const { recipe, seen } = optionRecipe();
    for (const [options, message] of [
      [{}, "line: option labels: expected a value, got none"],
      [{ labels: "a", rate: -1 }, "line: option rate: Too small"],
      [{ labels: "a", rate: "1" }, "line: option rate: expected number, received string"],
      [{ labels: "a", alsoFrom: [1] }, "line: option alsoFrom.0: expected string"],
      [{ labels: "a", label: "b" }, "line has no option label"],
    ] as const)
      await expect(run(recipe, { options })).rejects.toThrow(message);
    await expect(run(lineRecipe(), { options: { labels: "a" } })).rejects.toThrow(
      "line has no option labels",
    );
    expect(seen).toEqual([]);
    expect(existsSync(join(folder, "run.json"))).toBe(false);
  });

  it("stand in the card's command line where they differ from their defaults", async () => {
    const { recipe, seen } = optionRecipe();
    const given = { labels: "deep/labels", shuffle: false, alsoFrom: ["a b", "c"], note: "it's" };
    await run(recipe, { options: given });
    await recipe.ship(folder);
    const card = await readFile(join(folder, "models", "line.tessera", "README.md"), "utf8");
    expect(card).toContain(
      "\ntessera train line --seed 0 --labels labels --also-from 'a b' --also-from c --no-shuffle --note 'it'\\''s'\n",
    );
    expect(card).toContain(`Points of ${resolve("deep/labels")}`);
    const parsed = { ...given, ...{ labels: resolve("deep/labels"), rate: 0.2 } };
    const whole = { ...parsed, alsoFrom: [resolve("a b"), resolve("c")] };
    expect(seen.map(({ part }) => part)).toEqual(["prepare", "card", "prepare"]);
    for (const { options } of seen) expect(options).toEqual(whole);
  });
});

it("an option may choose the network, and details of the record", async () => {
  const options = z.strictObject({ network: z.string().default("line"), unit: z.string().default("m") });
  const base = lineDefinition();
  const recipe = defineRecipe({
    ...base,
    options,
    prepare: async (setting) => await base.prepare(setting),
    networkOf: ({ network }) => network,
    details: ({ unit }) => ({ unit }),
  });
  expect([recipe.networkOf(), recipe.networkOf({ network: "curve" })]).toEqual(["line", "curve"]);
  const { network } = await run(recipe, { options: { network: "curve", unit: "km" } });
  expect(network).toBe("curve");
  expect(JSON.parse(await readFile(join(folder, "record.json"), "utf8"))).toMatchObject({
    ...{ name: "curve.run", network: "curve", unit: "km" },
  });
  const shipped = await recipe.ship(folder);
  expect(shipped).toMatchObject({ name: "curve.tessera", network: "curve", unit: "km" });
  const card = await readFile(join(folder, "models", "curve.tessera", "README.md"), "utf8");
  expect(card).toContain("| Network | `curve`, None |");
  expect(card).toContain("--network curve --unit km");
});

describe("shipping", () => {
  const shipped = (file: string) => join(folder, "models", "line.tessera", file);

  it("adds the checkpoint, its record with the file's figures, and a card that explains both", async () => {
    const recipe = lineRecipe({
      card: () => ({ data: "Made-up points", licence: "CC0-1.0" }),
      limits: "It knows straight lines alone.",
    });
    const { figures } = await run(recipe);
    const record = await recipe.ship(folder);
    expect(record).toMatchObject({ name: "line.tessera", task: "fit-line", network: "line", params: 2 });
    const [{ size, sha256 }] = record.files;
    expect(size).toBeGreaterThan(0);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(record.evaluation!.metrics.mae).toBeCloseTo(figures.mae!, 2);
    expect(JSON.parse(await readFile(shipped("record.json"), "utf8"))).toEqual(record);
    await using checkpoint = await openCheckpoint(shipped("model.safetensors"));
    expect(checkpoint.names().toSorted()).toEqual(["fc.bias", "fc.weight"]);
    const card = await readFile(shipped("README.md"), "utf8");
    for (const text of [
      "# line.tessera",
      "| Training data | Made-up points: 200 samples, 4 epochs |",
      `| error | ${record.evaluation!.metrics.mae!.toFixed(3)} m |`,
      "| Expected result | error ≤ 0.05 m (reached) |",
      "| Published | 0.01 (somebody) |",
      "tessera train line --seed 0",
      "It knows straight lines alone.",
      "The data it was trained on: CC0-1.0.",
    ])
      expect(card).toContain(text);
  });

  it.each([
    ["F16", { atMost: 3 }, 1, 1],
    ["F16", { atMost: 3 }, 1, 1.0004],
    ["F32", { atMost: 3 }, 1, 1.001],
    ["F16", { atMost: 3 }, 2, 1],
    ["F16", { atLeast: 0 }, 1, 1.5],
    ["F32", { atLeast: 0 }, 2, 1.5],
  ])("saves %s where %j, the figure is %d and in half precision %d", async (dtype, bound, full, half) => {
    const measure = async () => {
      const module = new Line();
      const evaluate = async () => {
        const [weight] = (await module.stateDict().get("fc.weight")!.data()) as Float32Array;
        return { mae: Math.f16round(weight!) === weight ? half : full };
      };
      return { module, evaluate };
    };
    const recipe = lineRecipe({ measure, expected: { metric: "mae", ...bound } });
    await run(recipe);
    const record = await recipe.ship(folder);
    expect(record.evaluation?.metrics.mae).toBe(dtype === "F16" ? half : full);
    await using checkpoint = await openCheckpoint(shipped("model.safetensors"));
    expect(checkpoint.get("fc.weight").dtype).toBe(dtype);
  });

  it("ships neither a missed run, nor a shortened one, nor none, unless it is forced", async () => {
    const strict = lineRecipe({ expected: { metric: "mae", atMost: 0, unit: "m" } });
    await expect(strict.ship(folder)).rejects.toThrow(`${folder}: no finished run of line`);
    const { figures } = await run(strict);
    await expect(strict.ship(folder)).rejects.toThrow(
      `expected error ≤ 0 m, got ${figures.mae!.toFixed(2)} m; not shipped`,
    );
    await expect(lineRecipe({ name: "curve" }).ship(folder)).rejects.toThrow(
      "expected a run of curve, found one of line",
    );
    const short = join(folder, "short");
    await run(lineRecipe(), { folder: short, epochs: 1 });
    await expect(lineRecipe().ship(short)).rejects.toThrow("but the run was shortened; not shipped");
    expect(existsSync(shipped("record.json"))).toBe(false);
    await lineRecipe().ship(short, { force: true });
    expect(await readFile(shipped("README.md"), "utf8")).toContain("(not checked: the run was shortened)");
  });
});
