/** Files of results, read back by readers of their formats' definitions. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeImage, Image, readDepth, readImage } from "@tessera-ml/media";
import { FloatType } from "three";
import { EXRLoader } from "three/addons/loaders/EXRLoader.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  cameraOf,
  colourPicture,
  deepPng,
  encodeGlb,
  encodePly,
  type MetricDepth,
  meshOf,
  type RelativeDepth,
  relativeDepth,
  saveDepth,
  sideBySide,
} from "../src/index.ts";

const [WIDTH, HEIGHT] = [4, 3];
const image = new Image(
  WIDTH,
  HEIGHT,
  3,
  Uint8Array.from({ length: 36 }, (_, i) => 7 * i),
);
const common = {
  ...{ model: "toy.a", width: WIDTH, height: HEIGHT, image, milliseconds: 1 },
  camera: cameraOf(image, { focalLength: 2 }),
};
const metric = (metres: readonly number[], maxDepth = 20): MetricDepth => ({
  ...{ ...common, kind: "metric", maxDepth, colors: "depth_anything_v2_metric" },
  metres: Float32Array.from(metres),
});
const relative = (disparity: readonly number[]): RelativeDepth =>
  relativeDepth({ ...common, colors: "depth_anything_v2" }, Float32Array.from(disparity));
/** Two surfaces, at 2 and 4 metres, and two pixels without depth. */
const SCENE = [2, 2, 4, 4, 2, 2, 4, 4, Number.NaN, 2, 4, 0];
const ramp = Array.from({ length: 12 }, (_, i) => i / 4);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-depth-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("16 bits: millimetres, or 1/256 m where those would not suffice; 0 without depth", async () => {
  const near = await readDepth(await deepPng(metric(SCENE)));
  expect(Array.from(near.data, (value) => Math.round(1000 * value))).toEqual(
    SCENE.map((metres) => (metres > 0 ? 1000 * metres : 0)),
  );
  const far = await readDepth(await deepPng(metric([79.5, ...SCENE.slice(1)], 80)), { unit: 1 / 256 });
  expect(far.data[0]).toBe(79.5);
  const steps = await readDepth(await deepPng(relative(ramp)), { unit: 1 });
  expect([steps.data[0], steps.data[11]]).toEqual([0, 65535]);
  expect(steps.data[4]).toBe(Math.trunc((65535 * 4) / 11));
  // Nothing to scale, and no values at all.
  for (const value of [3, Number.NaN])
    expect(new Set((await readDepth(await deepPng(relative(Array(12).fill(value))))).data)).toEqual(
      new Set([0]),
    );
});

test("colours, alone and beside the image", () => {
  const picture = colourPicture(relative(ramp));
  // The ends of Spectral_r: blue is far, red is near.
  expect([...picture.data.subarray(0, 3)]).toEqual([94, 79, 162]);
  expect([...picture.data.subarray(33)]).toEqual([158, 1, 66]);
  const both = sideBySide(relative(ramp));
  expect([both.width, both.height]).toEqual([2 * WIDTH + 50, HEIGHT]);
  const pixel = (x: number, y: number) => [
    ...both.data.subarray(3 * (y * both.width + x), 3 * (y * both.width + x) + 3),
  ];
  expect(pixel(1, 2)).toEqual([...image.data.subarray(27, 30)]);
  expect(pixel(WIDTH + 10, 1)).toEqual([255, 255, 255]);
  expect(pixel(both.width - 1, 2)).toEqual([158, 1, 66]);
  expect([...colourPicture({ ...relative(ramp), colormap: "grey" }).data.subarray(33)]).toEqual([
    255, 255, 255,
  ]);
});

test(".pfm has the last row first, .npy the first", async () => {
  await saveDepth(metric(SCENE), join(folder, "a.pfm"));
  const pfm = await readFile(join(folder, "a.pfm"));
  const header = "Pf\n4 3\n-1.0\n";
  expect(pfm.toString("latin1", 0, header.length)).toBe(header);
  const rows = [...SCENE.slice(8), ...SCENE.slice(4, 8), ...SCENE.slice(0, 4)];
  for (const [i, value] of rows.entries()) expect(pfm.readFloatLE(header.length + 4 * i)).toBe(value);
  await saveDepth(metric(SCENE), join(folder, "a.npy"));
  const npy = await readFile(join(folder, "a.npy"));
  const start = 10 + npy.readUInt16LE(8);
  expect(npy.toString("latin1", 10, start)).toContain(
    "'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)",
  );
  for (const [i, value] of SCENE.entries()) expect(npy.readFloatLE(start + 4 * i)).toBe(value);
});

test(".exr has the values in red, green and blue, the first row on top", async () => {
  await saveDepth(metric(SCENE), join(folder, "a.exr"));
  const bytes = await readFile(join(folder, "a.exr"));
  const loader = new EXRLoader().setDataType(FloatType);
  const { data, width, height } = loader.parse(new Uint8Array(bytes).buffer);
  expect([width, height]).toEqual([WIDTH, HEIGHT]);
  // Its textures begin with the lowest row.
  const rows = [...SCENE.slice(8), ...SCENE.slice(4, 8), ...SCENE.slice(0, 4)];
  for (const [i, value] of rows.entries())
    expect(Array.from(data!.subarray(4 * i, 4 * i + 4), Number)).toEqual([value, value, value, 1]);
});

test(".ply: the points that have depth, along the rays of the camera", () => {
  const bytes = Buffer.from(encodePly(metric(SCENE)));
  const end = bytes.indexOf("end_header\n") + 11;
  const header = bytes.toString("latin1", 0, end);
  expect(header).toContain("format binary_little_endian 1.0\n");
  expect(header).toContain("element vertex 10\n");
  expect(bytes).toHaveLength(end + 10 * 15);
  // The first pixel: 2 columns and 1.5 rows off the axis, at a focal length of 2, 2 metres away.
  expect([0, 4, 8].map((at) => bytes.readFloatLE(end + at))).toEqual([-2, -1.5, 2]);
  expect([...bytes.subarray(end + 12, end + 15)]).toEqual([0, 7, 14]);
  expect(Buffer.from(encodePly(relative(Array(12).fill(Number.NaN)))).toString("latin1")).toContain(
    "element vertex 0\n",
  );
});

describe(".glb", () => {
  test("no triangle crosses a jump or touches a pixel without depth", () => {
    const { positions, triangles } = meshOf(metric(SCENE));
    expect(positions).toHaveLength(3 * 10);
    const depths = (t: number) => [0, 1, 2].map((k) => -positions[3 * triangles[3 * t + k]! + 2]!);
    // 2 + 1 triangles on either side: a missing corner leaves half of its square.
    expect(triangles).toHaveLength(3 * 6);
    for (let t = 0; t < 6; t++) expect(new Set(depths(t)).size).toBe(1);
  });

  test("triangles face the camera, and are where the image shows them", () => {
    const { positions, places, triangles } = meshOf(metric(Array(12).fill(2)));
    const [a, b, c] = [...triangles.subarray(0, 3)].map((i) => positions.subarray(3 * i, 3 * i + 2));
    const turn = (b![0]! - a![0]!) * (c![1]! - a![1]!) - (b![1]! - a![1]!) * (c![0]! - a![0]!);
    expect(turn).toBeGreaterThan(0);
    expect([...positions.subarray(0, 3)]).toEqual([-2, 1.5, -2]);
    expect([...places.subarray(0, 2)]).toEqual([0.125, Math.fround(0.5 / 3)]);
  });

  test("the container holds what its JSON says", async () => {
    const bytes = Buffer.from(await encodeGlb(relative(Array(12).fill(5))));
    expect(bytes.toString("latin1", 0, 4)).toBe("glTF");
    expect([bytes.readUInt32LE(4), bytes.readUInt32LE(8)]).toEqual([2, bytes.length]);
    const length = bytes.readUInt32LE(12);
    const json = JSON.parse(bytes.toString("utf8", 20, 20 + length));
    const start = 28 + length;
    expect(bytes.readUInt32LE(20 + length)).toBe(bytes.length - start);
    const view = json.bufferViews[json.images[0].bufferView];
    const picture = await readImage(
      bytes.subarray(start + view.byteOffset, start + view.byteOffset + view.byteLength),
    );
    expect([picture.width, picture.height]).toEqual([WIDTH, HEIGHT]);
    const [, , indices] = json.accessors;
    const at = start + json.bufferViews[2].byteOffset;
    const found = Array.from({ length: indices.count }, (_, i) => bytes.readUInt32LE(at + 4 * i));
    expect(Math.max(...found)).toBeLessThan(json.accessors[0].count);
    expect(json.accessors[0].min[2]).toBeLessThanOrEqual(json.accessors[0].max[2]);
  });

  test("a map without a surface is refused", async () => {
    await expect(encodeGlb(metric(Array(12).fill(0)))).rejects.toThrow("no connected surface");
  });
});

test.each([
  ["no depth in the sky", relative([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])],
  ["a constant map", relative(Array(12).fill(0))],
  ["values that are not numbers", relative([Number.NaN, Number.POSITIVE_INFINITY, ...Array(10).fill(1)])],
  ["infinite metres", metric([Number.POSITIVE_INFINITY, 0, Number.NaN, ...Array(9).fill(2)])],
])("points and surfaces are finite: %s", async (_, result) => {
  const bytes = Buffer.from(encodePly(result));
  const end = bytes.indexOf("end_header\n") + 11;
  for (let at = end; at < bytes.length; at += 15)
    for (let axis = 0; axis < 3; axis++) expect(bytes.readFloatLE(at + 4 * axis)).toBeLessThan(1e3);
  const { positions } = meshOf(result);
  expect(positions.length).toBeGreaterThan(0);
  expect(positions.every(Number.isFinite)).toBe(true);
  const deep = await readDepth(await deepPng(result), { unit: 1 });
  expect(deep.data.every(Number.isFinite)).toBe(true);
});

test("the camera: given, from EXIF, or assumed", async () => {
  const sharp = (await import("sharp")).default;
  const jpeg = await sharp(await encodeImage(image, "png"))
    .withExif({ IFD2: { FocalLengthIn35mmFilm: "26" } })
    .jpeg()
    .toBuffer();
  const photo = await readImage(jpeg, { mode: "file" });
  const diagonal = Math.hypot(WIDTH, HEIGHT);
  expect(cameraOf(photo, {})).toEqual({ from: "exif", focalLength: (26 / Math.hypot(36, 24)) * diagonal });
  expect(cameraOf(photo, { focalLength: 9 })).toEqual({ from: "given", focalLength: 9 });
  const { from, focalLength } = cameraOf(image, {});
  expect(from).toBe("assumed");
  expect((2 * Math.atan(diagonal / 2 / focalLength) * 180) / Math.PI).toBeCloseTo(66);
});

test("another ending is refused, and nothing is left behind", async () => {
  const before = await readdir(folder);
  await expect(saveDepth(metric(SCENE), join(folder, "a.xyz"))).rejects.toThrow(
    /a\.xyz: expected a name that ends in \.png, \.jpg, .*\.glb$/,
  );
  expect(await readdir(folder)).toEqual(before);
});
