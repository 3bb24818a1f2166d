import { Planes } from "@tessera-ml/media";
import { expect, test } from "vitest";
import { planarDepth, pointCloud } from "../../src/index.ts";

test("points of a wall, and the depth of their distances", () => {
  const [width, height, focal] = [8, 6, 10];
  const wall = new Planes(1, height, width, new Float32Array(48).fill(2));
  const camera = { fx: focal, fy: focal, cx: width / 2 - 0.5, cy: height / 2 - 0.5 };
  const points = pointCloud(wall, camera);
  expect(points[0]).toBeCloseTo((-3.5 / 10) * 2);
  expect(points[1]).toBeCloseTo((-2.5 / 10) * 2);
  expect(points[2]).toBe(2);
  const distances = Float32Array.from({ length: 48 }, (_, i) =>
    Math.hypot(...points.subarray(3 * i, 3 * i + 3)),
  );
  const depth = planarDepth(new Planes(1, height, width, distances), focal);
  for (const value of depth.data) expect(value).toBeCloseTo(2, 5);
});

test("focal lengths must be positive", () => {
  const map = new Planes(1, 1, 1);
  expect(() => planarDepth(map, 0)).toThrow("focal length in pixels above 0, got 0");
  expect(() => pointCloud(map, { fx: 1, fy: Number.NaN })).toThrow("got 1 and NaN");
});
