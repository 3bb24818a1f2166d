/** Modules that a user plugs in: what is wrong with one is said by its name. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { installedSystems } from "../src/installed.ts";
import { systems } from "../src/systems.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-systems-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function plug(name: string, source: string): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, source);
  vi.stubEnv("TESSERA_SYSTEMS", path);
}

test("without modules there are ours alone", async () => {
  vi.stubEnv("TESSERA_SYSTEMS", "");
  expect(await installedSystems()).toEqual([...systems]);
});

test("a module may export a task of ours again, as one does that adds networks to it", async () => {
  const ours = import.meta.resolve("@tessera-ml/vision/task");
  await plug("more.mjs", `export { imageClassification } from ${JSON.stringify(ours)};`);
  expect(await installedSystems()).toEqual([...systems]);
});

test("a file that is not there", async () => {
  vi.stubEnv("TESSERA_SYSTEMS", "/nowhere/mine.ts");
  await expect(installedSystems()).rejects.toThrow("TESSERA_SYSTEMS: /nowhere/mine.ts: no such file");
});

test("a module without a task", async () => {
  await plug("none.mjs", "export const answer = 42;");
  await expect(installedSystems()).rejects.toThrow(/none\.mjs: exports no task; make one with defineTask/);
});

test("a command that is taken", async () => {
  await plug(
    "twice.mjs",
    'export const task = { name: "other", command: "classify", load() {}, schemas() {} };',
  );
  await expect(installedSystems()).rejects.toThrow(
    "task other: the name or the command classify is taken by image-classification",
  );
});
