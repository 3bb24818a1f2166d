/** Observed attention weights: multiplied by the values, they give the output of attention. */
import { describe, expect, test } from "vitest";
import {
  type AttentionOptions,
  compile,
  fromArray,
  normal,
  observeAttention,
  randomKey,
  scaledDotProductAttention,
  type Tensor,
} from "../../src/index.ts";

const read = async (x: Tensor) => [...((await x.data()) as Float32Array)];
const allowed = fromArray(Uint8Array.of(1, 1, 0, 0, 0, 0, 1, 0, 1), [3, 3], "bool");
const added = fromArray(
  Float32Array.of(0, 1, 2, ...new Array(3).fill(Number.NEGATIVE_INFINITY), 0, -1, Number.NEGATIVE_INFINITY),
  [3, 3],
);

describe("observeAttention", () => {
  test.each([
    ["plain", 2, {}],
    ["causal", 2, { causal: true }],
    ["a mask that leaves a query without keys", 2, { mask: allowed }],
    ["a mask to add", 2, { mask: added }],
    ["two queries a key", 4, { causal: true, scale: 0.3 }],
  ] as const satisfies readonly (readonly [string, number, AttentionOptions])[])(
    "%s",
    async (_, heads, options) => {
      const q = normal(randomKey(1), [2, heads, 3, 4]);
      const [k, v] = [normal(randomKey(2), [2, 2, 3, 4]), normal(randomKey(3), [2, 2, 3, 5])];
      const seen: Tensor[] = [];
      const out = observeAttention(
        (weights) => seen.push(weights),
        () => scaledDotProductAttention(q, k, v, options),
      );
      expect(seen.map(({ shape }) => shape)).toEqual([[2, heads, 3, 3]]);
      const product = await read(seen[0]!.matmul(v.repeatInterleave(heads / 2, 1)));
      const expected = await read(scaledDotProductAttention(q, k, v, options));
      expect(await read(out)).toEqual(expected);
      for (const [i, value] of product.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
    },
  );

  test("in a function compiled for inference, and no longer than the call", async () => {
    const seen: Tensor[] = [];
    const x = normal(randomKey(4), [1, 2, 3, 4]);
    const run = compile(
      (y: Tensor) => {
        const sums = observeAttention(
          (weights) => seen.push(weights.sum(-1)),
          () => scaledDotProductAttention(y, y, y).sum(),
        );
        return scaledDotProductAttention(y, y, y).sum().add(sums).add(seen[0]!.sum());
      },
      { freeze: true },
    );
    const sum = Number((await read(scaledDotProductAttention(x, x, x).sum()))[0]);
    expect((await read(run(x)))[0]).toBeCloseTo(2 * sum + 6, 4);
    expect(seen).toHaveLength(1);
    run.release();
  });
});
