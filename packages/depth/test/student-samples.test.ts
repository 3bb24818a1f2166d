/** What a student sees of photographs: perturbed, mixed, beside maps of the clean ones. */
import { Image, Planes } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import type { Frame } from "../src/data/index.ts";
import { studentSample } from "../src/training/student-samples.ts";

const size = { width: 16, height: 12 };
/** One colour and one disparity. */
const frame = (colour: number, disparity: number): Frame => {
  const target = new Planes(1, size.height, size.width);
  target.data.fill(disparity);
  return {
    image: new Image(size.width, size.height, 3, new Uint8Array(3 * size.width * size.height).fill(colour)),
    ...{ kind: "disparity", target, valid: new Uint8Array(size.width * size.height).fill(1) },
  };
};
const [dark, bright] = [frame(20, 1), frame(200, 5)];
const all = (seed: number) => {
  const random = new HostRandom(seed);
  return () => random.next();
};
const sample = (perturb: boolean, cutmix: number, seed: number) =>
  studentSample(dark, bright, size, { perturb, cutmix }, all(seed));
const values = (data: ArrayLike<number>) => [...new Set(Array.from(data))];

test("without mixing: the photograph as it is, and its map everywhere", () => {
  for (let seed = 0; seed < 20; seed++) {
    const { image, inside, outside, box } = sample(false, 0, seed);
    expect(image.shape).toEqual([3, 12, 16]);
    expect(values(image.data as Float32Array).length).toBe(3);
    expect([values(inside.data as Float32Array), values(outside.data as Float32Array)]).toEqual([[1], [1]]);
    expect(values(box.data as Uint8Array)).toEqual([1]);
  }
});

test("mixing pastes the other photograph in the box, and gives the map of each", () => {
  let [mixed, partial] = [0, 0];
  for (let seed = 0; seed < 40; seed++) {
    const { image, inside, outside, box } = sample(false, 0.5, seed);
    const pixels = size.width * size.height;
    const red = (image.data as Float32Array).subarray(0, pixels);
    const area = (box.data as Uint8Array).reduce((a, b) => a + b, 0);
    if (values(inside.data as Float32Array)[0] === 1) continue;
    mixed++;
    expect(values(inside.data as Float32Array)).toEqual([5]);
    expect(values(outside.data as Float32Array)).toEqual([1]);
    for (let i = 0; i < pixels; i++) expect(red[i]! > 0).toBe(box.data[i] === 1);
    partial += Number(area > 0 && area < pixels);
  }
  expect(mixed).toBeGreaterThan(8);
  expect(mixed).toBeLessThan(32);
  expect(partial).toBeGreaterThan(mixed / 2);
});

test("perturbations change what is seen, never the maps", () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 10; seed++) {
    const { image, inside } = sample(true, 0, seed);
    seen.add(image.data[0] as number);
    expect(values(inside.data as Float32Array)).toEqual([1]);
  }
  expect(seen.size).toBeGreaterThan(5);
});
