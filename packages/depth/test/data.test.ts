import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Image, Planes, writeDepth, writeImage } from "@tessera-ml/media";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clearInvalid, depthSample, openRgbd, parseUnits } from "../src/data/index.ts";

const folders = resolve(
  process.env.TESSERA_SHARED ?? resolve(import.meta.dirname, "../../../../shared"),
  "data/depth",
);
if (!existsSync(folders)) console.log(`depth: data sets are not read: no ${folders}`);

describe.skipIf(!existsSync(folders))("data sets", () => {
  test.each([
    ["tum", 63, 640, 480, [0.3, 12]],
    ["osd", 54, 640, 480, [0.3, 12]],
    ["7scenes-redkitchen", 56, 640, 480, [0.3, 12]],
    ["replica-office0", 18, 1200, 680, [0.2, 12]],
    ["hololens-office", 56, 540, 360, [0.2, 25]],
    ["open3d-rgbd", 5, 640, 480, [0.2, 12]],
  ] as const)("%s", async (name, count, width, height, [near, far]) => {
    const set = await openRgbd(join(folders, name), name === "open3d-rgbd" ? { units: "open3d" } : {});
    expect(set.pairs.length).toBe(count);
    const { image, target, valid, kind } = await set.read(count - 1);
    expect([kind, image.width, image.height, ...target.shape]).toEqual([
      "depth",
      width,
      height,
      1,
      height,
      width,
    ]);
    const metres = target.data.filter((_, i) => valid[i]);
    expect(metres.reduce((a, b) => Math.min(a, b))).toBeGreaterThan(near);
    expect(metres.reduce((a, b) => Math.max(a, b))).toBeLessThan(far);
    expect(target.data.every((value, i) => (valid[i] ? value > 0 : value === 0))).toBe(true);
  });

  test("NYU, SUN RGB-D and Middlebury", async () => {
    const singles = await openRgbd(join(folders, "nyu-sunrgbd-singles"));
    expect(singles.pairs.map(({ name }) => name)).toEqual([
      "nyu_00000",
      "nyu_00050",
      "nyu_00100",
      "sun_a",
      "sun_b",
    ]);
    expect((await singles.read(3)).target.width).toBeGreaterThan(500);
    const stereo = await openRgbd(join(folders, "middlebury"), {
      units: (name) => ({ kind: "disparity", unit: name === "cone" ? 1 / 4 : 1 / 3 }),
    });
    const cone = await stereo.read(stereo.pairs.findIndex(({ name }) => name === "cone"));
    expect(cone.kind).toBe("disparity");
    expect(Math.max(...cone.target.data.subarray(0, 10_000))).toBeLessThan(64);
  });
});

describe("folders", () => {
  let folder: string;
  const grey = new Image(4, 3, 3, new Uint8Array(36).fill(90));
  const depth = new Planes(1, 3, 4, Float32Array.of(0, 1, 2, 3, 1, 1, 1, 1, 4, 4, 4, 65.535));
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "rgbd-"));
    for (const name of ["a", "b"]) await writeImage(join(folder, "rgb", `${name}.png`), grey);
    await writeDepth(join(folder, "depth", "a.png"), depth);
    await writeDepth(join(folder, "depth", "b.png"), new Planes(1, 4, 3, depth.data.slice()));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("depth in unknown units is an error that says what to pass", async () => {
    await expect(openRgbd(folder)).rejects.toThrow(/nothing says what the numbers .* pass units/);
    await writeFile(join(folder, "set.json"), `{"units": "parsecs"}`);
    await expect(openRgbd(folder)).rejects.toThrow(/nothing says .*; it has "parsecs"$/);
    await writeFile(join(folder, "set.json"), `{"units": `);
    await expect(openRgbd(folder)).rejects.toThrow(/set\.json: not JSON: /);
    await writeFile(join(folder, "set.json"), `{"units": "metres = value / 500"}`);
    expect((await (await openRgbd(folder)).read(0)).target.data[1]).toBeCloseTo(2, 6);
    await expect(openRgbd(folder, { units: "nothing" as "tum" })).rejects.toThrow(/expected one of tum, osd/);
  });

  test("holes are 0, and so is what a data set calls invalid", async () => {
    const { target, valid } = await (await openRgbd(folder, { units: "7scenes" })).read(0);
    expect([...valid]).toEqual([0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    expect([target.data[0], target.data[11]]).toEqual([0, 0]);
  });

  test("a depth map of another size than its image is an error", async () => {
    const set = await openRgbd(folder, { units: "osd" });
    await expect(set.read(1)).rejects.toThrow(/b\.png: expected 4 x 3 pixels like .*rgb\/b\.png, got 3 x 4/);
    await expect(async () => set.read(2)).rejects.toThrow("frame 2 of 2");
  });

  test("a colour image in place of depth, a map without measurements, an image without depth", async () => {
    const other = join(folder, "other");
    for (const name of ["a", "b"]) await writeImage(join(other, "color", `${name}.png`), grey);
    await writeImage(join(other, "depth", "a.png"), grey);
    await writeDepth(join(other, "depth", "b.png"), new Planes(1, 3, 4));
    const set = await openRgbd(other, { units: "osd" });
    await expect(set.read(0)).rejects.toThrow("expected one depth channel, got 3");
    await expect(set.read(1)).rejects.toThrow("no pixel has a measurement");
    await writeImage(join(other, "color", "c.png"), grey);
    await expect(openRgbd(other, { units: "osd" })).rejects.toThrow(/color\/c\.png: no depth map named c in/);
    await mkdir(join(folder, "empty", "rgb"), { recursive: true });
    await expect(openRgbd(join(folder, "empty"))).rejects.toThrow("no files that match");
    await expect(openRgbd(join(folder, "rgb"))).rejects.toThrow("expected a folder rgb or color in it");
  });
});

test("values that are no measurements", () => {
  const values = Float32Array.of(Number.NaN, -1, 0, Number.POSITIVE_INFINITY, 9, 2);
  const map = new Planes(1, 1, 6, values);
  expect([...clearInvalid(map, { kind: "depth", unit: 1, max: 5 })]).toEqual([0, 0, 0, 0, 0, 1]);
  expect([...map.data]).toEqual([0, 0, 0, 0, 0, 2]);
});

test("units in words", () => {
  expect(parseUnits("metres = value / 5000")).toEqual({ kind: "depth", unit: 1 / 5000 });
  expect(parseUnits("disparity in pixels = value / 3 (third-size images)")?.kind).toBe("disparity");
  expect(parseUnits("metres = value / 0")).toBeUndefined();
});

test("samples: disparity, mask, crop and mirror agree with the image", () => {
  const [width, height] = [12, 8];
  const image = new Image(width, height, 3);
  const target = new Planes(1, height, width);
  const valid = new Uint8Array(width * height).fill(1);
  for (let i = 0; i < width * height; i++) {
    const x = i % width;
    image.data.fill(20 * x, 3 * i, 3 * i + 3);
    target.data[i] = 1 / (x + 1);
    if (x < 3) valid[i] = 0;
  }
  const frame = { image, kind: "depth", target, valid } as const;
  const plain = depthSample(frame, { width: 12, height: 8 });
  expect([...plain.disparity.data.slice(0, 5)].map(Number)).toEqual([0, 0, 0, 4, 5]);
  expect([...plain.mask.data.slice(0, 5)].map(Number)).toEqual([0, 0, 0, 1, 1]);
  const square = depthSample(frame, { width: 8, height: 8 });
  const rounded = [...square.disparity.data.slice(0, 8)].map((value) => Math.round(Number(value)));
  expect(rounded).toEqual([0, 4, 5, 6, 7, 8, 9, 10]);
  const mirrored = depthSample(frame, { width: 12, height: 8 }, () => 0.1);
  expect([...mirrored.disparity.data.slice(0, 3)].map((v) => Math.round(Number(v)))).toEqual([12, 11, 10]);
  const red = mirrored.image.data as Float32Array;
  expect(red[0]).toBeGreaterThan(red[11]!);
});
