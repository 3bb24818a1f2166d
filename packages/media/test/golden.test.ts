import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { preprocess, readDepth, readImage, torchvisionPreset } from "../src/index.ts";

interface Golden {
  readonly size: readonly [number, number];
  readonly pixels: {
    readonly shape: readonly number[];
    readonly mean: number;
    readonly l2: number;
    readonly step: number;
    readonly values: readonly number[];
  };
}

const shared = resolve(process.env.TESSERA_SHARED ?? join(import.meta.dirname, "../../../../shared"));
const file = join(shared, "golden", "preprocess.json");
const goldens: Record<string, Golden> = existsSync(file) ? JSON.parse(await readFile(file, "utf8")) : {};

describe.skipIf(Object.keys(goldens).length === 0)(`photos in ${shared}`, () => {
  it.each(Object.keys(goldens))("%s is preprocessed like torchvision does", async (path) => {
    const { size, pixels } = goldens[path]!;
    const image = await readImage(join(shared, "data", path), { orient: false });
    expect([image.width, image.height]).toEqual(size);
    const out = preprocess(image, torchvisionPreset(224, 256));
    expect(out.shape).toEqual(pixels.shape);
    // Decoding and resizing reproduce PIL's bytes, so only float32 rounding remains.
    for (const [i, value] of pixels.values.entries())
      expect(Math.abs(out.data[i * pixels.step]! - value)).toBeLessThan(1e-6);
    const mean = out.data.reduce((sum, value) => sum + value, 0) / out.data.length;
    expect(Math.abs(mean - pixels.mean)).toBeLessThan(1e-6);
    const norm = Math.sqrt(out.data.reduce((sum, value) => sum + value * value, 0));
    expect(Math.abs(norm - pixels.l2)).toBeLessThan(1e-3);
  });

  it("reads a 16-bit depth map in metres", async () => {
    const depth = await readDepth(join(shared, "data/depth/open3d-rgbd/depth/00000.png"));
    expect(depth.shape).toEqual([1, 480, 640]);
    const measured = depth.data.filter((value) => value > 0);
    expect(measured.length / depth.data.length).toBeGreaterThan(0.5);
    expect(Math.max(...measured.slice(0, 50_000))).toBeLessThan(20);
    expect(Math.min(...measured.slice(0, 50_000))).toBeGreaterThan(0.3);
  });
});
