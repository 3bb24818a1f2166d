import { Planes } from "@tessera-ml/media";
import { uniformByName } from "@tessera-ml/nn/golden";
import { describe, expect, test } from "vitest";
import {
  align,
  correctPairs,
  depthMetrics,
  evaluateAligned,
  fitLeastSquares,
  fitRobust,
  readDA2K,
  toDepth,
} from "../../src/index.ts";

const x = Float64Array.from(uniformByName("align.x", 3000), (u) => 5 + 3 * u);
const noise = uniformByName("align.noise", 3000);
const y = x.map((value, i) => 0.02 * value + 0.1 + 0.001 * noise[i]!);
const map = new Planes(1, 2, 3, Float32Array.of(2, 4, 6, 8, 10, Number.NaN));

describe("fits", () => {
  test("least squares find scale and shift; pixels that are invalid do not count", () => {
    const mask = x.map((_, i) => i % 3);
    const dirty = y.map((value, i) => (i % 3 ? value : i % 2 ? Number.NaN : 1e9));
    const { scale, shift } = fitLeastSquares(x, dirty, { mask });
    expect(scale).toBeCloseTo(0.02, 4);
    expect(shift).toBeCloseTo(0.1, 3);
  });

  test("a constant prediction has scale 0 and the mean as its shift", () => {
    const constant = new Float64Array(4).fill(0.1);
    const fit = fitLeastSquares(constant, [1, 2, 3, 6]);
    expect(fit).toEqual({ scale: 0, shift: 3 });
    expect(fitRobust(constant, [1, 2, 3, 6]).scale).toBe(0);
  });

  test("outliers in 40 % of the pixels move least squares, and not the robust fit", () => {
    const outliers = uniformByName("align.outliers", 3000);
    const dirty = y.map((value, i) => (outliers[i]! < -0.2 ? 1 + outliers[(7 * i) % 3000]! : value));
    const [plain, robust] = [fitLeastSquares(x, dirty), fitRobust(x, dirty)];
    expect(Math.abs(plain.shift - 0.1)).toBeGreaterThan(0.1);
    expect(robust.scale).toBeCloseTo(0.02, 3);
    expect(robust.shift).toBeCloseTo(0.1, 2);
    expect(fitRobust(x, dirty)).toEqual(robust);
  });

  test("the robust fit of exact data is exact", () => {
    const { scale, shift } = fitRobust(
      x,
      x.map((value) => 3 * value - 2),
    );
    expect(scale).toBeCloseTo(3, 9);
    expect(shift).toBeCloseTo(-2, 8);
  });

  test("too few pixels and lengths that differ are errors", () => {
    expect(() => fitLeastSquares([1, 2], [Number.NaN, 1])).toThrow("expected at least 2 valid pixels, got 1");
    expect(() => fitRobust([1, 2], [1])).toThrow("target: expected 2 values like the prediction, got 1");
  });
});

describe("align", () => {
  test("two points fix scale and shift, and leave the error unknown", () => {
    const found = align(map, [
      { x: 0, y: 0, distance: 4 },
      { x: 1, y: 1, distance: 1 },
    ]);
    expect([...found.depth.data.subarray(0, 5)].map((d) => Number(d.toFixed(4)))).toEqual([
      4, 2.2857, 1.6, 1.2308, 1,
    ]);
    expect(found.residuals.every((residual) => Math.abs(residual) < 1e-9)).toBe(true);
    expect(found.expectedError).toBeUndefined();
  });

  test("more points state the error", () => {
    const truth = [2, 4, 6, 8, 10].map((d) => 1 / (0.09 * d + 0.05));
    const points = truth.map((distance, i) => ({ x: i % 3, y: Math.floor(i / 3), distance }));
    expect(align(map, points).expectedError).toBeLessThan(1e-6);
    const wrong = points.map((point, i) => ({ ...point, distance: point.distance * (i === 2 ? 1.1 : 1) }));
    const found = align(map, wrong);
    expect(found.expectedError).toBeGreaterThan(0.02);
    expect(found.expectedError).toBeLessThan(0.15);
    expect(found.residuals[2]).toBeLessThan(-0.05);
  });

  test("many points may be wrong: the robust fit leaves them out and says what to expect", () => {
    const [width, height] = [20, 15];
    const ramp = new Planes(
      1,
      height,
      width,
      Float32Array.from({ length: 300 }, (_, i) => (i % 97) + 1),
    );
    const truth = [...ramp.data].map((d) => 1 / (0.01 * d + 0.1));
    // Every third distance is of something else; the others have an error of 1 %.
    const points = truth
      .map((distance, i) => ({ x: i % width, y: Math.floor(i / width), distance }))
      .map((point, i) => ({
        ...point,
        distance: i % 3 === 0 ? 2 : point.distance * (1 + 0.01 * Math.sin(i)),
      }));
    const robust = align(ramp, points);
    const all = align(ramp, points, { robust: false });
    const worst = ({ depth }: { depth: Planes }) =>
      Math.max(...truth.map((distance, i) => Math.abs(depth.data[i]! / distance - 1)));
    expect(worst(robust)).toBeLessThan(0.02);
    expect(worst(all)).toBeGreaterThan(0.2);
    expect(robust.expectedError).toBeGreaterThan(0.002);
    expect(robust.expectedError).toBeLessThan(0.02);
    expect(all.expectedError).toBeGreaterThan(0.1);
  });

  test.each([
    [[{ x: 0, y: 0, distance: 1 }], "expected at least 2 points"],
    [
      [
        { x: 0, y: 0, distance: 1 },
        { x: 3, y: 0, distance: 1 },
      ],
      "point 1: (3, 0) is outside of the map, 3 x 2",
    ],
    [
      [
        { x: 0, y: 0, distance: 0 },
        { x: 1, y: 0, distance: 1 },
      ],
      "point 0: expected a distance in metres above 0",
    ],
    [
      [
        { x: 2, y: 1, distance: 1 },
        { x: 1, y: 0, distance: 1 },
      ],
      "point 0: the disparity there is NaN",
    ],
    [
      [
        { x: 0, y: 0, distance: 1 },
        { x: 0, y: 0, distance: 2 },
      ],
      "all points have the disparity 2",
    ],
    [
      [
        { x: 0, y: 0, distance: 1 },
        { x: 1, y: 0, distance: 2 },
      ],
      "check the distances",
    ],
  ])("%j is an error", (points, message) => {
    expect(() => align(map, points)).toThrow(message);
  });

  test("depth is positive and at most the cap", () => {
    const depth = toDepth(new Planes(1, 1, 3, Float32Array.of(-5, 0, 1)), { scale: 1, shift: 0 }, 50);
    expect([...depth.data]).toEqual([50, 50, 1]);
    expect(() => toDepth(depth, { scale: 1, shift: 0 }, 0)).toThrow("positive cap");
  });
});

describe("metrics", () => {
  const size = { width: 2, height: 2 };
  test("by hand", () => {
    const { delta1, delta2, absRel, sqRel, rmse, log10, silog } = depthMetrics(
      [1, 2.6, 4, 9],
      [1, 2, 4, 0],
      size,
    );
    expect([delta1, delta2]).toEqual([2 / 3, 1]);
    expect(absRel).toBeCloseTo(0.1);
    expect(sqRel).toBeCloseTo(0.06);
    expect(rmse).toBeCloseTo(Math.sqrt(0.12));
    expect(log10).toBeCloseTo(Math.log10(1.3) / 3);
    expect(silog).toBeCloseTo(Math.log(1.3) * Math.sqrt(1 / 3 - 0.5 / 9));
  });

  test("a common factor does not count in silog with lambda 1", () => {
    const { silog, absRel } = depthMetrics([2, 4, 6, 8], [1, 2, 3, 4], size, { lambda: 1 });
    expect(silog).toBeCloseTo(0, 6);
    expect(absRel).toBe(1);
  });

  test("no valid pixel and predictions that are not positive are errors", () => {
    expect(() => depthMetrics([1, 1, 1, 1], [0, Number.NaN, -1, Number.POSITIVE_INFINITY], size)).toThrow(
      "no pixel of the target is valid",
    );
    expect(() => depthMetrics([1, 0, 1, 1], [1, 1, 1, 1], size)).toThrow("prediction at (1, 0)");
    expect(() => depthMetrics([1], [1, 1, 1, 1], size)).toThrow("prediction: expected 2 x 2 values, got 1");
  });

  test("a disparity up to scale and shift is evaluated as perfect", () => {
    const target = [1, 2, 5, 0];
    const { metrics, valid, depth } = evaluateAligned([7 + 3, 7 + 1.5, 7 + 0.6, 0], target, size, {
      cap: 10,
    });
    expect(valid).toBe(3);
    expect(metrics.absRel).toBeCloseTo(0, 9);
    expect(metrics.delta1).toBe(1);
    expect(depth[3]).toBe(10);
  });
});

test("DA-2K: annotations, ties, errors", () => {
  const pairs = readDA2K({
    "indoor/a.jpg": [
      { point1: [0, 0], point2: [1, 1], closer_point: "point1" },
      { point1: [0, 0], point2: [1, 1], closer_point: "point2" },
      { point1: [0, 1], point2: [0, 1], closer_point: "point1" },
    ],
  });
  const size = { width: 2, height: 2 };
  expect(correctPairs([2, 3, 1, 1], size, pairs.get("indoor/a.jpg")!)).toBe(1);
  expect(() => correctPairs([2, 3], { width: 2, height: 1 }, pairs.get("indoor/a.jpg")!)).toThrow(
    "outside of 2 x 1",
  );
  expect(() => readDA2K({ a: [{ point1: [0, 0], point2: [1], closer_point: "point1" }] })).toThrow(
    "DA-2K: a[0].point2: expected [row, column], got [1]",
  );
});
