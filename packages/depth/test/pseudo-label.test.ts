/** Folders of pseudo-labels as training reads them. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeImage, encodePng16, Image } from "@tessera-ml/media";
import { encodeNpy } from "@tessera-ml/nn";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { depthSample } from "../src/data/index.ts";
import { fromSteps, toSteps } from "../src/outputs/steps.ts";
import { photographAt } from "../src/pseudo-label/format.ts";
import { openPseudoLabels } from "../src/pseudo-label/index.ts";

let root = "";
let folder = "";
let images = "";
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tessera-pseudo-labels-"));
});
beforeEach(async () => {
  folder = join(root, String(count++));
  images = join(folder, "photographs");
  for (const each of ["photographs/a", "maps/a"]) await mkdir(join(folder, each), { recursive: true });
});
afterAll(async () => await rm(root, { recursive: true }));

const grey = (width: number, height: number) =>
  new Image(width, height, 3, new Uint8Array(width * height * 3).fill(100));

/** A folder with one photograph of 4 x 2 pixels. */
async function label(map: Uint8Array, ending: string, more: object = {}): Promise<void> {
  await writeFile(join(images, "a/b.png"), await encodeImage(grey(4, 2), "png"));
  await writeFile(join(folder, `maps/a/b.png.${ending}`), map);
  const file = { image: "a/b.png", map: `maps/a/b.png.${ending}`, width: 4, height: 2, min: 0, max: 6 };
  const list = {
    teacher: { name: "t", sha256: "0", kind: "disparity", preset: "depth_anything_v2", size: 518 },
    ...{ images, shorterSide: 768, format: ending, files: [file], skipped: [], ...more },
  };
  await writeFile(join(folder, "labels.json"), JSON.stringify(list));
}

const STEPS = Uint16Array.of(0, 1, 65535, 32768, 1, 1, 1, 1);
const png = () => encodePng16({ width: 4, height: 2 }, STEPS);

describe("steps of 16 bits", () => {
  it("keep values to half a step, also negative ones, and what has none", () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i) * 7 - 2);
    values[10] = Number.NaN;
    const [min, max] = [-9, 5];
    const back = fromSteps(toSteps(values, min, max), min, max);
    for (const [i, value] of values.entries())
      if (i === 10) expect(back[i]).toBeNaN();
      else expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual((max - min) / 65534 / 2 + 1e-6);
    expect([...fromSteps(toSteps(Float32Array.of(3, 3), 3, 3), 3, 3)]).toEqual([3, 3]);
  });
});

describe("photographs to be labelled", () => {
  it("are shrunk to a shorter side, never enlarged, and have three channels", () => {
    expect(photographAt(grey(400, 200), 100)).toMatchObject({ width: 200, height: 100, channels: 3 });
    expect(photographAt(grey(200, 400), 100)).toMatchObject({ width: 100, height: 200 });
    expect(photographAt(grey(40, 20), 100)).toMatchObject({ width: 40, height: 20 });
    expect(photographAt(new Image(8, 8, 1), 100)).toMatchObject({ channels: 3 });
  });
});

describe("openPseudoLabels", () => {
  it("gives frames: disparity, and where there is one", async () => {
    await label(await png(), "png");
    const labels = await openPseudoLabels(folder);
    expect(labels.names).toEqual(["a/b.png"]);
    expect(labels.list.teacher.name).toBe("t");
    const { image, kind, target, valid } = await labels.read(0);
    expect(image).toMatchObject({ width: 4, height: 2, channels: 3 });
    expect(kind).toBe("disparity");
    expect(target.shape).toEqual([1, 2, 4]);
    expect([...valid]).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
    expect(target.data[0]).toBe(0);
    expect(target.data[2]).toBe(6);
    expect(target.data[3]).toBeCloseTo(3, 4);
    await expect(labels.read(1)).rejects.toThrow(`${folder}: photograph 1 of 1`);
  });

  it("keeps the farthest points valid in samples of training", async () => {
    await label(await png(), "png");
    const frame = await (await openPseudoLabels(folder)).read(0);
    const { mask, disparity } = depthSample(frame, { width: 4, height: 2 });
    expect([...mask.data]).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
    expect(disparity.data[1]).toBeGreaterThan(0);
    expect(disparity.data[1]).toBeLessThan(1e-30);
  });

  it("reads values as they are from .npy", async () => {
    const data = Float32Array.of(0.1, 0.2, 0.3, 0.4, Number.NaN, 6, 7, 8);
    await label(await encodeNpy({ name: "depth", dtype: "float32", shape: [2, 4], data }), "npy");
    const { target, valid } = await (await openPseudoLabels(folder)).read(0);
    expect([...valid]).toEqual([1, 1, 1, 1, 0, 1, 1, 1]);
    expect([...target.data]).toEqual([...data.slice(0, 4), 0, 6, 7, 8]);
  });

  it("finds photographs that were moved", async () => {
    await label(await png(), "png", { images: "/gone" });
    await expect((await openPseudoLabels(folder)).read(0)).rejects.toThrow("/gone/a/b.png");
    expect((await (await openPseudoLabels(folder, { images })).read(0)).image.width).toBe(4);
  });

  it("says what is wrong", async () => {
    await expect(openPseudoLabels(folder)).rejects.toThrow(
      `${folder}: no labels.json: expected a folder that`,
    );
    await label(await png(), "png", { shorterSide: "big" });
    await expect(openPseudoLabels(folder)).rejects.toThrow(/labels\.json: .*expected[\s\S]*shorterSide/);
    await label(await encodePng16({ width: 2, height: 4 }, STEPS), "png");
    await expect((await openPseudoLabels(folder)).read(0)).rejects.toThrow(
      "maps/a/b.png.png: expected 4 x 2 values, got 2 x 4",
    );
    await label(await png(), "png");
    await writeFile(join(images, "a/b.png"), await encodeImage(grey(5, 2), "png"));
    await expect((await openPseudoLabels(folder)).read(0)).rejects.toThrow(
      "a/b.png: expected 4 x 2 pixels as when it was labelled, got 5 x 2",
    );
  });
});
