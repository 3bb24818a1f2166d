/** The score of depth edges. */
import { HostRandom } from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import { boundaryF1 } from "../src/index.ts";

const size = { width: 24, height: 16 };
/** A box 2 m away before a wall at 5 m. */
const box = (near = 2, far = 5, shift = 0) =>
  Float32Array.from({ length: size.width * size.height }, (_, i) => {
    const [x, y] = [i % size.width, Math.floor(i / size.width)];
    return x >= 6 + shift && x < 14 + shift && y >= 4 && y < 11 ? near : far;
  });
/** The mean of each pixel and its right neighbours. */
const blurred = (map: Float32Array, width = 4) =>
  map.map((_, i) => {
    const row = Math.floor(i / size.width) * size.width;
    const last = Math.min(i + width, row + size.width);
    return map.subarray(i, last).reduce((a, b) => a + b) / (last - i);
  });

test("is 1 for the truth in any unit, and falls with blur and misplaced edges", () => {
  const truth = box();
  expect(boundaryF1(truth, truth, size)).toBeCloseTo(1, 12);
  expect(
    boundaryF1(
      truth.map((metres) => 100 * metres),
      truth,
      size,
    ),
  ).toBeCloseTo(1, 12);
  const soft = boundaryF1(blurred(truth), truth, size);
  expect(soft).toBeGreaterThan(0.1);
  expect(soft).toBeLessThan(0.8);
  expect(boundaryF1(box(2, 5, 3), truth, size)).toBeLessThan(0.7);
  expect(
    boundaryF1(
      truth.map(() => 3),
      truth,
      size,
    ),
  ).toBe(0);
});

test("asks which side is the farther one", () => {
  expect(boundaryF1(box(5, 2), box(2, 5), size)).toBe(0);
});

test("weak edges count for small ratios only", () => {
  // 10 %: above 1.05, 1.072 and 1.094, below the other seven.
  const weak = boundaryF1(box(5, 5.5), box(), size);
  const ratios = Array.from({ length: 10 }, (_, k) => 1.05 + (0.2 * k) / 9);
  const sum = ratios.reduce((a, b) => a + b);
  expect(weak).toBeCloseTo(ratios.slice(0, 3).reduce((a, b) => a + b) / sum, 6);
});

test("what is unknown does not count, and rows have no neighbours across their ends", () => {
  const [truth, random] = [box(), new HostRandom(1)];
  const holes = truth.map((metres) => (random.next() < 0.2 ? 0 : metres));
  expect(boundaryF1(truth, holes, size)).toBeCloseTo(1, 12);
  const ramp = Float32Array.from(truth, (_, i) => 1 + (i % size.width) * 1e-3);
  expect(boundaryF1(truth, ramp, size)).toBe(0);
  expect(() => boundaryF1(new Float32Array(3), truth, size)).toThrow(
    "boundaryF1: prediction: expected 24 x 16 values, got 3",
  );
});
