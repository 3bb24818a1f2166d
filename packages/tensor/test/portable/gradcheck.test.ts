import { expect, test } from "vitest";
import {
  batchNorm,
  batchNormTrain,
  conv2d,
  customGradient,
  gelu,
  layerNorm,
  maxPool2d,
  scaledDotProductAttention,
  softmax,
  Tensor,
  tensor,
} from "../../src/index.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { uniform } from "../support/uniform.ts";

function random(name: string, ...shape: number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return Tensor.fromArray(new Float32Array(uniform(name, size)), shape);
}

test("correct gradients pass, at larger sizes than in the fixtures", async () => {
  await gradcheck(
    (x, w, b) => conv2d(x, w, { bias: b, stride: 2, padding: 1, groups: 2 }),
    [random("x", 3, 12, 17, 15), random("w", 20, 6, 3, 3), random("b", 20)],
  );
  await gradcheck((x, w) => layerNorm(x, [97], { weight: w }), [random("x", 5, 97), random("w", 97)]);
  await gradcheck((x) => gelu(x.mul(2)), [random("x", 31, 17)]);
  await gradcheck((x) => softmax(x.mul(3), 1), [random("x", 7, 33, 5)]);
  await gradcheck(
    (q, k, v) => scaledDotProductAttention(q, k, v, { causal: true }),
    [random("q", 2, 3, 19, 8), random("k", 2, 3, 19, 8), random("v", 2, 3, 19, 8)],
  );
});

test("a chain through every kind of operator", async () => {
  const net = (x: Tensor, w: Tensor, v: Tensor) => {
    const features = maxPool2d(conv2d(x, w, { padding: 1 }).tanh(), 2); // [N, 5, 4, 3]
    return softmax(features.flatten(1).matmul(v), -1).log().mean(0);
  };
  // An image with maxima that stay in place under the steps.
  const inputs = [random("picture", 2, 3, 8, 6), random("w", 5, 3, 3, 3), random("v", 60, 7)];
  await gradcheck(net, inputs, { step: 2 ** -10, tolerance: 5e-3 });
});

test("gradients that PyTorch does not provide: of running and batch statistics", async () => {
  const [x, weight, bias, mean] = [random("x", 4, 3, 5, 2), random("w", 3), random("b", 3), random("m", 3)];
  const variance = random("v", 3).mul(0.4).add(1);
  await gradcheck(
    (a, m, v, w, b) => batchNorm(a, m, v, { weight: w, bias: b }),
    [x, mean, variance, weight, bias],
  );
  await gradcheck((a) => batchNormTrain(a).mean, [x]);
  await gradcheck((a) => batchNormTrain(a).variance, [x]);
  await gradcheck(
    (a, w) => {
      const { output, mean: m, variance: v } = batchNormTrain(a, { weight: w });
      return output.mul(m.add(v).reshape([3, 1, 1]));
    },
    [x, weight],
  );
});

test("a wrong gradient fails: wrong factor, wrong position, NaN", async () => {
  const wrong = (derivative: (x: Tensor, dy: Tensor) => Tensor) =>
    customGradient((x) => ({
      value: (x as Tensor).square(),
      gradient: (dy) => [derivative(x as Tensor, dy)],
    }));
  const x = random("x", 5, 7);
  await gradcheck(
    wrong((at, dy) => at.mul(dy).mul(2)),
    [x],
  );
  await expect(
    gradcheck(
      wrong((at, dy) => at.mul(dy).mul(2.02)),
      [x],
    ),
  ).rejects.toThrow(/differences say/);
  await expect(
    gradcheck(
      wrong((at, dy) => at.mul(dy).mul(2).flip(1)),
      [x],
    ),
  ).rejects.toThrow(/input 0/);
  await expect(
    gradcheck(
      wrong((at) => at.mul(Number.NaN)),
      [x],
    ),
  ).rejects.toThrow(/NaN/);
});

test("integer inputs are skipped", async () => {
  await gradcheck((x, n) => x.mul(n), [random("x", 3), tensor(new Int32Array([1, 2, 3]))]);
});
