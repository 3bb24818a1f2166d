/** The recipe depth-metric on folders of made-up images, with a tiny network. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRecipe } from "@tessera-ml/kit/catalogue";
import type { Recipe } from "@tessera-ml/kit/training";
import { Image, Planes, writeDepth, writeImage } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DepthAnything, DepthEstimator, depthEstimation } from "../src/index.ts";
import { TINY } from "./support/tiny-system.ts";
import { fillTiny } from "./support.ts";

const [WIDTH, HEIGHT] = [80, 60];
const NETWORK = "depth_tiny_metric";
let root = "";
let recipe: Recipe;

/** Bright is near: 1 to 5 metres. */
async function writePair(folder: string, name: string, seed: number): Promise<void> {
  const random = new HostRandom(seed);
  const [near, slope] = [1 + 2 * random.next(), 2 * random.next()];
  const depth = new Planes(1, HEIGHT, WIDTH);
  const image = new Image(WIDTH, HEIGHT, 3);
  for (let i = 0; i < depth.data.length; i++) {
    depth.data[i] = near + (slope * (i % WIDTH)) / WIDTH;
    image.data.fill(Math.round(280 / depth.data[i]!), 3 * i, 3 * i + 3);
  }
  await writeImage(join(folder, "rgb", `${name}.png`), image);
  await writeDepth(join(folder, "depth", `${name}.png`), depth);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tessera-metric-"));
  vi.stubEnv("TESSERA_MODELS", join(root, "models"));
  for (let i = 0; i < 20; i++) await writePair(join(root, "set"), `frame-${i + 10}`, i);
  await mkdir(join(root, "relative"));
  await writeFile(join(root, "set", "set.json"), `{"units": "metres = value / 1000"}`);
  const relative = fillTiny(new DepthAnything(TINY));
  await relative.save(join(root, "relative", "model.safetensors"));
  const record = {
    ...{ name: "depth_tiny.a", task: "depth-estimation", network: "depth_tiny", source: "tessera" },
    ...{ files: [{ file: "model.safetensors" }], licence: "Apache-2.0", reference: "None" },
    depth: { kind: "disparity", preset: "depth_anything_v2" },
  };
  await writeFile(join(root, "relative", "record.json"), JSON.stringify(record));
  ({ recipe } = await findRecipe([depthEstimation], "depth-metric"));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

const options = (more: object = {}) => ({
  ...{ data: [join(root, "set")], network: NETWORK, from: join(root, "relative") },
  ...{ maxDepth: 6, size: 56, batch: 6, lr: 5e-4, ...more },
});
const run = (folder: string, more: object = {}, epochs = 1) =>
  recipe.run({ folder: join(root, folder), epochs, progress: false, options: options(more) });

test("learns metres, and its run opens as a metric checkpoint", async () => {
  const untrained = await run("short", { lr: 1e-9 });
  expect(untrained.samples).toBe(18);
  const { figures, network } = await run("run", {}, 20);
  expect(network).toBe(NETWORK);
  expect(figures.absRel).toBeLessThan(untrained.figures.absRel! / 2);
  expect(figures.delta1).toBeGreaterThan(untrained.figures.delta1!);
  const record = JSON.parse(await readFile(join(root, "run", "record.json"), "utf8"));
  expect(record).toMatchObject({
    ...{ network: NETWORK, depth: { kind: "metric", maxDepth: 6, preset: "depth_anything_v2" } },
    evaluation: { metrics: { absRel: expect.closeTo(figures.absRel!, 3) } },
  });
  const estimator = await DepthEstimator.load(join(root, "run"));
  const found = await estimator.estimate(join(root, "set", "rgb", "frame-29.png"), { size: 56 });
  estimator.release();
  if (found.kind !== "metric") throw new Error("expected metres");
  expect(found.maxDepth).toBe(6);
  const mean = found.metres.reduce((sum, value) => sum + value, 0) / found.metres.length;
  expect(mean).toBeGreaterThan(1);
  expect(mean).toBeLessThan(6);
});

test("starts from the encoder of a checkpoint, and where asked from its head", async () => {
  const [encoder, head] = ["pretrained.blocks.0.attn.qkv.weight", "depth_head.projects.0.weight"];
  const relative = await DepthEstimator.load(join(root, "relative"));
  const valuesOf = async (module: DepthEstimator["module"], path: string) =>
    Array.from(await module.stateDict().get(path)!.data(), Number);
  const far = async (folder: string, path: string) => {
    const trained = await DepthEstimator.load(join(root, folder));
    const [a, b] = [await valuesOf(trained.module, path), await valuesOf(relative.module, path)];
    return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
  };
  await run("fresh", { lr: 1e-9 });
  await run("kept", { lr: 1e-9, keepHead: true });
  expect(await far("fresh", encoder)).toBeLessThan(1e-5);
  expect(await far("fresh", head)).toBeGreaterThan(1e-2);
  expect(await far("kept", head)).toBeLessThan(1e-5);
});

test("other folders for the test leave all images for training", async () => {
  expect((await run("all", { test: [join(root, "set")] })).samples).toBe(20);
});

test.each([
  [{ encoder: "a.pth" }, "expected --from or --encoder, got both"],
  [{ from: undefined }, `${NETWORK} needs --from CHECKPOINT or --encoder FILE`],
  [{ data: ["/nowhere"] }, "/nowhere: no such file or folder"],
  [{ network: "dinov2_vits14", encoder: "a.pth", from: undefined }, "expected DepthLite or DepthAnything"],
  [{ network: "depth_lite1" }, 'no network is called "depth_lite1"'],
  [{ maxDepth: 0 }, "depth-metric: option maxDepth"],
])("says what is wrong with %j", async (more, message) => {
  await expect(run("wrong", more)).rejects.toThrow(message);
});

test("disparity without a unit is refused", async () => {
  await writeFile(join(root, "set", "set.json"), `{"units": "disparity in pixels = value / 3"}`);
  const failed = run("disparity");
  await expect(failed).rejects.toThrow(/frame-\d+: its disparity has no unit: expected depth in metres/);
  await writeFile(join(root, "set", "set.json"), `{"units": "metres = value / 1000"}`);
});
