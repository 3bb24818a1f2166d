/** Known distances as text and in the files of sensors. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Image, Planes, writeDepth } from "@tessera-ml/media";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cameraOf, parseKnown, readSensor, relativeDepth } from "../src/index.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-known-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SIZE = { width: 4, height: 3 };

test("points as text", () => {
  expect(parseKnown("120,80=1.5")).toEqual({ x: 120, y: 80, distance: 1.5 });
  expect(parseKnown(" 0.5 , 3 = 2 m")).toEqual({ x: 0.5, y: 3, distance: 2 });
  for (const text of ["120,80", "1,2=-3", "a,b=c", "1,2=3,4"])
    expect(() => parseKnown(text)).toThrow(`known: expected x,y=metres, for example 120,80=1.5; got ${text}`);
});

test("a PNG as large as the image", async () => {
  const map = new Planes(1, 3, 4);
  map.data[1] = 1.5;
  map.data[10] = 4;
  const path = join(folder, "sensor.png");
  await writeDepth(path, map);
  const points = await readSensor(path, SIZE);
  expect(points.map(({ x, y, distance }) => [x, y, Number(distance.toFixed(6))])).toEqual([
    [1, 0, 1.5],
    [2, 2, 4],
  ]);
  const doubled = await readSensor(path, SIZE, 0.002);
  expect(doubled[0]!.distance).toBeCloseTo(3);
  await expect(readSensor(path, { width: 8, height: 6 })).rejects.toThrow(
    "sensor.png: expected 8 x 6 like the image, got 4 x 3",
  );
});

test("rows of text", async () => {
  const path = join(folder, "sensor.csv");
  await writeFile(path, "x,y,metres\n# lidar\n1,0,1.5\n2;2;4e0\n\n3 1 2.25\n");
  expect(await readSensor(path, SIZE)).toEqual([
    { x: 1, y: 0, distance: 1.5 },
    { x: 2, y: 2, distance: 4 },
    { x: 3, y: 1, distance: 2.25 },
  ]);
  await writeFile(path, "1,0,1.5\n1,0\n");
  await expect(readSensor(path, SIZE)).rejects.toThrow("sensor.csv: line 2: expected x,y,metres, got 1,0");
  await writeFile(path, "1,0,1.5\n");
  await expect(readSensor(path, SIZE)).rejects.toThrow("expected at least 2 measured points, got 1");
});

test("a relative result has no metres, an aligned one has, everywhere finite", () => {
  const image = new Image(4, 3, 3);
  const common = {
    ...{ model: "toy.a", ...SIZE, image, milliseconds: 1 },
    ...{ camera: cameraOf(image, {}), colors: "depth_anything_v2" as const },
  };
  // Zero: the sky of a relative network.
  const relative = relativeDepth(common, Float32Array.of(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  expect("metres" in relative).toBe(false);
  const metric = relative.align([
    { x: 3, y: 0, distance: 4 },
    { x: 3, y: 2, distance: 1 },
  ]);
  expect(metric.metres[3]).toBeCloseTo(4);
  expect(metric.metres[11]).toBeCloseTo(1);
  expect(metric.metres[0]).toBeCloseTo(16);
  expect(metric.alignment).toMatchObject({ points: 2, expectedError: undefined });
  // A shift below zero puts the sky at the cap, not at infinity.
  const far = relative.align([
    { x: 3, y: 0, distance: 50 },
    { x: 3, y: 2, distance: 1 },
  ]);
  expect(far.metres[0]).toBe(1000);
  expect(far.metres.every(Number.isFinite)).toBe(true);
  expect("disparity" in far).toBe(false);
});
