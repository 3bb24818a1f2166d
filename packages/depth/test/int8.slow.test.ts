/** Estimates with 8-bit products, of a network with weights that have learned nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Image } from "@tessera-ml/media";
import { manualSeed } from "@tessera-ml/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DepthEstimator, networks, type RelativeDepth } from "../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "tessera-int8-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A checkpoint with the weights that training starts from. */
async function load(network: string): Promise<DepthEstimator> {
  manualSeed(7);
  const path = join(folder, `${network}.safetensors`);
  await networks.find(network).network.create().save(path);
  return await DepthEstimator.load(path, { network });
}

/** Waves in three colours. */
const pixels = Uint8Array.from({ length: 3 * 120 * 90 }, (_, i) => 128 + 120 * Math.sin(i / (41 + (i % 3))));
const image = new Image(120, 90, 3, pixels);

let estimator: DepthEstimator;
beforeAll(async () => {
  estimator = await load("depth_anything_v2_vits");
});

test("maps deviate by a few per cent of their range, and float32 stays as it is", async () => {
  const ask = async (dtype?: "float32" | "int8") => {
    const depth = (await estimator.estimate(image, { size: 98, dtype })) as RelativeDepth;
    return depth.disparity;
  };
  const [exact, rounded, again] = [await ask(), await ask("int8"), await ask("float32")];
  const mean = exact.reduce((a, b) => a + b) / exact.length;
  const spread = Math.sqrt(exact.reduce((sum, v) => sum + (v - mean) ** 2, 0) / exact.length);
  const off = Math.sqrt(exact.reduce((sum, v, i) => sum + (v - rounded[i]!) ** 2, 0) / exact.length);
  expect(spread).toBeGreaterThan(0);
  expect(off / spread).toBeGreaterThan(1e-4);
  expect(off / spread).toBeLessThan(0.1);
  expect(again).toEqual(exact);
});

test("a network of convolutions says that there is nothing to round", async () => {
  const small = await load("depth_lite0");
  await expect(small.estimate(image, { dtype: "int8" })).rejects.toThrow(
    "dtype: depth_lite0.safetensors has no linear layers to compute in int8",
  );
});
