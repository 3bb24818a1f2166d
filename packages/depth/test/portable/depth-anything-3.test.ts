/** Depth Anything 3 on a tiny configuration, and what follows its network. */
import { Planes } from "@tessera-ml/media";
import { uniformTensor } from "@tessera-ml/nn/golden";
import { stack, type Tensor } from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import { gradcheck } from "../../../tensor/test/support/gradcheck.ts";
import { DepthAnything3Mono, metresOf, replaceSky } from "../../src/index.ts";
import { fillSmooth, fillTiny, TINY } from "../support.ts";

test("depth is positive, sky is not negative", async () => {
  const model = fillTiny(new DepthAnything3Mono(TINY));
  const { depth, sky } = model.forward(uniformTensor("x", [2, 3, 6, 10]));
  expect([depth.shape, sky.shape]).toEqual([
    [2, 6, 10],
    [2, 6, 10],
  ]);
  expect(Math.min(...((await depth.data()) as Float32Array))).toBeGreaterThan(0);
  expect(Math.min(...((await sky.data()) as Float32Array))).toBeGreaterThanOrEqual(0);
});

test("gradients flow through both outputs", async () => {
  const model = fillSmooth(new DepthAnything3Mono(TINY));
  const outputs = (x: Tensor) => {
    const { depth, sky } = model.forward(x);
    return stack([depth.log(), sky]).mul(10);
  };
  await gradcheck(outputs, [uniformTensor("x", [1, 3, 6, 4])]);
});

test("the sky is set to the 99th percentile of the rest", () => {
  const depth = new Planes(
    1,
    20,
    10,
    Float32Array.from({ length: 200 }, (_, i) => i + 1),
  );
  const sky = new Planes(
    1,
    20,
    10,
    Float32Array.from({ length: 200 }, (_, i) => (i < 50 ? 0.3 : 0.29)),
  );
  const { data } = replaceSky(depth, sky);
  expect(data[0]).toBeCloseTo(51 + 0.99 * 149, 3);
  expect(data[49]).toBe(data[0]);
  expect([...data.subarray(50)]).toEqual([...depth.data.subarray(50)]);
  const none = new Planes(1, 20, 10);
  expect(replaceSky(depth, none)).toBe(depth);
  expect(replaceSky(depth, new Planes(1, 20, 10, new Float32Array(200).fill(1)))).toBe(depth);
  expect(() => replaceSky(depth, new Planes(1, 10, 20))).toThrow(
    "replaceSky: expected two maps [1, H, W], got [1,20,10] and [1,10,20]",
  );
});

test("metres grow with the focal length", () => {
  expect([...metresOf(new Planes(1, 1, 2, Float32Array.of(1, 2)), 600).data]).toEqual([2, 4]);
});
