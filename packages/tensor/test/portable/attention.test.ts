/** Attention in functions compiled for inference, which use ONNX Runtime's fused operator. */
import { expect, test } from "vitest";
import { compile, grad, normal, randomKey, scaledDotProductAttention, type Tensor } from "../../src/index.ts";

const [q, k, v] = [1, 2, 3].map((seed, i) => normal(randomKey(seed), [2, 3, i === 0 ? 5 : 7, 4])) as [
  Tensor,
  Tensor,
  Tensor,
];
const attend = (q: Tensor, k: Tensor, v: Tensor) => scaledDotProductAttention(q, k, v, { scale: 0.7 });

async function expectClose(a: Tensor, b: Tensor): Promise<void> {
  expect(a.shape).toEqual(b.shape);
  expect(await a.sub(b).abs().max().item()).toBeLessThan(2e-6);
}

test("agrees with the unfused form", async () => {
  await expectClose(compile(attend, { freeze: true })(q, k, v), attend(q, k, v));
});

test("has the same gradients", async () => {
  const slopes = grad((q: Tensor, k: Tensor, v: Tensor) => attend(q, k, v).square().sum(), [0, 1, 2]);
  const frozen = compile(slopes, { freeze: true })(q, k, v);
  const plain = slopes(q, k, v);
  for (const [i, slope] of plain.entries()) {
    const size = await slope.abs().max().item();
    await expectClose((frozen[i] as Tensor).div(size), slope.div(size));
  }
});
