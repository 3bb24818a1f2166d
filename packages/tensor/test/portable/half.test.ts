/** Half precision: operators with a float16 path return float16, and agree with float32 in values and gradients. */
import { describe, expect, test } from "vitest";
import * as t from "../../src/index.ts";
import { grad, type Tensor, tensor } from "../../src/index.ts";
import { sizeOf } from "../../src/shape.ts";
import { uniform } from "../support/uniform.ts";

const ids = tensor([3, 0, 3, 1], { dtype: "int32" });
const rows = tensor(
  [
    [0, 2, 0],
    [1, 1, 3],
  ],
  { dtype: "int32" },
);

/** By name, which is also the seed: the shape of the input and the function. */
const cases: Record<string, [shape: number[], fn: (x: Tensor) => Tensor]> = {
  take: [[4, 3], (x) => t.take(x, ids)],
  gather: [[4, 3], (x) => t.gather(x, 0, rows)],
  scatter: [[4, 3], (x) => t.scatter(x, 0, ids.reshape([4, 1]), x.narrow(1, 0, 1))],
  scatterAdd: [[4, 3], (x) => t.scatterAdd(x, 0, rows, x.narrow(0, 0, 2))],
  "the diagonal of einsum": [[3, 3], (x) => t.einsum("ii->i", x)],
  "maxPool2d, overlapping": [[1, 2, 7, 7], (x) => t.maxPool2d(x, 3, { stride: 2 })],
  "adaptiveAvgPool2d, unequal bins": [[1, 2, 7, 7], (x) => t.adaptiveAvgPool2d(x, 3)],
  layerNorm: [[3, 5], (x) => t.layerNorm(x, [5])],
  groupNorm: [[2, 4, 3], (x) => t.groupNorm(x, 2)],
  "resize, nearest": [[1, 2, 5, 5], (x) => t.resize(x, { size: 7 })],
  "resize, bilinear": [[1, 2, 5, 5], (x) => t.resize(x, { size: 7, mode: "bilinear" })],
  "resize, antialias": [[1, 2, 5, 5], (x) => t.resize(x, { size: 3, mode: "bicubic", antialias: true })],
  erfInverse: [[3, 4], (x) => t.erfInverse(x.mul(0.5))],
};

describe("float16", () => {
  test.each(Object.entries(cases))("%s", async (name, [shape, fn]) => {
    const single = tensor(Array.from(uniform(name, sizeOf(shape)), Math.f16round), { shape });
    const half = single.astype("float16");
    const slope = grad((x: Tensor) => {
      const y = fn(x).astype("float32");
      return y.mul(tensor(Array.from(uniform("weights", y.size)), { shape: y.shape })).sum();
    });
    for (const [got, expected] of [
      [fn(half), fn(single)],
      [slope(half), slope(single)],
    ] as const) {
      expect(got.dtype).toBe("float16");
      const [a, b] = [await got.astype("float32").data(), await expected.data()];
      expect(a.length).toBe(b.length);
      a.forEach((value, i) => {
        expect(Number(value)).toBeCloseTo(Number(b[i]), 1.7);
      });
    }
  });
});

test("integers work in relu, and in linear as floats", async () => {
  for (const dtype of ["uint8", "int32", "int64"] as const) {
    const x = tensor([[1, 2, 3]], { dtype });
    expect(await x.sub(2).relu().tolist()).toEqual([[0, 0, 1]]);
    const y = t.linear(x, x);
    expect([y.dtype, await y.tolist()]).toEqual(["float32", [[14]]]);
  }
});
