import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CheckpointRecord, type DatasetRecord, recordSchema } from "@tessera-ml/hub";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import {
  findCheckpoint,
  findDataset,
  findRecipe,
  findStudy,
  itemsNamed,
  listDatasets,
  listItems,
  listRecipes,
  parametersOf,
} from "../src/catalogue.ts";
import { Networks } from "../src/index.ts";
import { defineRecipe } from "../src/recipes/index.ts";
import { defineStudy } from "../src/studies/index.ts";
import { Line, line, recordOf, toys, toyTask } from "./support/toys.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-kit-"));
  vi.stubEnv("TESSERA_MODELS", join(folder, "models"));
  vi.stubEnv("TESSERA_CACHE", join(folder, "cache"));
  vi.stubEnv("TESSERA_SHARED", join(folder, "shared"));
  await ship(recordOf("line.shipped", { params: 2 }));
  // Of an unknown task, and of an unknown network.
  await ship(recordOf("dream.v9", { task: "dream-reading", hours: 8 } as Partial<CheckpointRecord>));
  await ship(recordOf("parabola.v2"));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function ship(record: CheckpointRecord): Promise<void> {
  const path = join(folder, "models", record.name);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "record.json"), JSON.stringify(record));
  await writeFile(join(path, "model.safetensors"), "12345678");
}

const published = recordOf("small.lab", { source: "lab" });
const data: DatasetRecord = {
  ...{ name: "stars", title: "Positions of stars", kind: "table", licence: "CC0-1.0" },
  ...{ home: "https://example.org", reference: "None" },
  forms: [
    { format: "csv", files: [{ file: "stars.csv", urls: ["https://example.org/stars.csv"], size: 10 }] },
  ],
};
const about = { title: "A line through stars", paper: "None", minutes: 1 };
const recipe = defineRecipe({
  ...about,
  ...{ name: "line_stars", task: "fit-line", network: "line", dataset: "stars", epochs: 1 },
  expected: { metric: "error", atMost: 1 },
  prepare: () => Promise.reject(new Error("not run")),
});
const study = defineStudy({
  ...{ name: "outliers", title: "Outliers", claim: "They pull.", paper: "None", minutes: 1 },
  measure: () => Promise.reject(new Error("not run")),
});
const lines = toyTask({
  catalogue: async () => ({ networks: toys(), records: [published], data: [data] }),
  workshop: async () => ({ recipes: [recipe], studies: [study] }),
});
const curves = toyTask({
  name: "fit-curve",
  command: "curve",
  catalogue: async () => ({
    networks: new Networks([{ ...line, name: "curve", create: () => new Line() }]),
    records: [],
    data: [],
  }),
});
const tasks = [lines, curves];

describe("checkpoints", () => {
  it("are listed with networks that have none, by task and year, whatever else lies beside them", async () => {
    const items = await listItems(tasks);
    expect(items.map(({ task, name, place }) => [task.name, name, place])).toEqual([
      ["fit-line", "line.shipped", "shipped"],
      ["fit-line", "small.lab", "absent"],
      ["fit-curve", "curve", "untrained"],
    ]);
    expect(items[0]).toMatchObject({
      path: join(folder, "models/line.shipped/model.safetensors"),
      size: 8,
      network: { name: "line" },
    });
    expect(items[1]?.network.name).toBe("block_small");
    expect(items.map(parametersOf)).toEqual([2, 2 * 6 + 6 + 6 * 3 + 3, 2]);
  });

  it("say which file and field of a task's own is wrong", async () => {
    const record = recordSchema({ unit: z.string() });
    const schemas = async () => ({ request: z.strictObject({}), answer: z.object({}), record });
    const listing = listItems([toyTask({ schemas })]);
    await expect(listing).rejects.toMatchObject({ code: "bad-data" });
    await expect(listing).rejects.toThrow(/line\.shipped\/record\.json: .*unit/s);
  });

  it("are found by name, network or source", async () => {
    const items = await listItems(tasks);
    const names = (name: string) => itemsNamed(items, name).map((item) => item.name);
    expect(names("line.shipped")).toEqual(["line.shipped"]);
    expect(names("Line")).toEqual(["line.shipped"]);
    expect(names("block_small")).toEqual(["small.lab"]);
    expect(names("lab/small")).toEqual(["small.lab"]);
    expect(names("curve")).toEqual(["curve"]);
    expect(() => names("curv")).toThrow('no network or checkpoint is called "curv". Did you mean curve');
    expect(() => names("parabola.v2")).toThrow(expect.objectContaining({ code: "unknown-name" }));
  });

  it("are found with their task", async () => {
    expect(await findCheckpoint(tasks, "small")).toEqual({ task: lines, record: published });
    expect((await findCheckpoint(tasks, "line")).record.name).toBe("line.shipped");
    await expect(findCheckpoint(tasks, "dream.v9")).rejects.toMatchObject({ code: "unknown-name" });
  });
});

describe("data, recipes and studies", () => {
  it("are found among those of all tasks", async () => {
    expect(await listDatasets(tasks)).toMatchObject([{ record: data, task: lines, place: "absent" }]);
    expect(await findDataset(tasks, "stars")).toBe(data);
    expect(await listRecipes(tasks)).toEqual([{ task: lines, recipe }]);
    expect(await findRecipe(tasks, "line_stars")).toEqual({ task: lines, recipe });
    expect(await findStudy(tasks, "outliers")).toBe(study);
  });

  it("are unknown under any other name", async () => {
    for (const [find, message] of [
      [findDataset(tasks, "star"), 'no data set is called "star". Did you mean stars'],
      [findRecipe(tasks, "line_star"), 'no recipe is called "line_star". Did you mean line_stars'],
      [findStudy(tasks, "outlier"), 'no study is called "outlier". Did you mean outliers'],
    ] as const)
      await expect(find).rejects.toThrow(message);
  });
});
