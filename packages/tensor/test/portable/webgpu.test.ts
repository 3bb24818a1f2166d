/** Shapes that ONNX Runtime's WebGPU kernels get wrong, compared with the wasm backend. */
import { afterAll, describe, expect, test } from "vitest";
import {
  avgPool3d,
  configure,
  conv2d,
  conv3d,
  convTranspose3d,
  grad,
  matmul,
  maxPool2d,
  type Tensor,
  tensor,
} from "../../src/index.ts";

interface Gpu {
  requestAdapter(): Promise<object | null>;
}
const adapter =
  (await (globalThis.navigator as { gpu?: Gpu } | undefined)?.gpu?.requestAdapter()) ?? undefined;

/** Deterministic numbers without a pattern. */
function filled(shape: readonly number[], seed = 1): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin((i + 1) * 12.9898 * seed)),
    { shape },
  );
}

type Results = readonly Tensor[];
async function numbers(device: "wasm" | "webgpu", make: () => Results) {
  await configure({ device });
  const results = make();
  const lists: number[][] = [];
  for (const result of results) lists.push((await result.reshape([-1]).tolist()) as number[]);
  return { shapes: results.map(({ shape }) => shape), lists };
}

async function same(make: () => Results): Promise<void> {
  const expected = await numbers("wasm", make);
  const got = await numbers("webgpu", make);
  expect(got.shapes).toEqual(expected.shapes);
  for (const [i, list] of expected.lists.entries()) {
    const scale = Math.max(1, ...list.map(Math.abs));
    const worst = Math.max(0, ...list.map((value, j) => Math.abs(value - (got.lists[i]?.[j] ?? Number.NaN))));
    expect(worst / scale, `result ${i}`).toBeLessThan(1e-4);
  }
}

/** y, and the gradients of a weighted sum of y. */
function withGradients(f: (...operands: Tensor[]) => Tensor, operands: readonly Tensor[]): Results {
  const y = f(...operands);
  const weights = filled(y.shape, 3);
  const each = operands.map((_, i) => i);
  return [
    y,
    ...grad(
      (...given: Tensor[]) =>
        f(...given)
          .mul(weights)
          .sum(),
      each,
    )(...operands),
  ];
}

describe.skipIf(!adapter)(adapter ? "webgpu" : "webgpu: skipped, no adapter available", () => {
  afterAll(() => configure({ device: "wasm" }));

  test.each([3, 6, 9])("dense convolution of %i channels", (channels) =>
    same(() =>
      withGradients((x, w) => conv2d(x, w), [filled([2, channels, 8, 8]), filled([16, channels, 5, 5], 2)]),
    ),
  );

  test.each([
    [4, 12],
    [2, 12],
  ])("%i groups, %i outputs", (groups, outputs) =>
    same(() =>
      withGradients(
        (x, w) => conv2d(x, w, { groups, padding: 1 }),
        [filled([2, 12, 6, 6]), filled([outputs, 12 / groups, 3, 3], 2)],
      ),
    ),
  );

  test("slices with negative steps on two axes", () =>
    same(() => withGradients((x) => x.index([3, 0, -1], [-2, null, -3]), [filled([5, 7])])));

  test.each([
    { kernel: 2, options: {} },
    { kernel: 3, options: { stride: 2, padding: 1 } },
    { kernel: 2, options: { stride: 3, dilation: 2 } },
    { kernel: 3, options: { stride: 2, ceilMode: true } },
  ])("max pool $kernel, $options", ({ kernel, options }) =>
    same(() => {
      const pool = (x: Tensor) => maxPool2d(x, kernel, options);
      const slope = (x: Tensor) => grad((v: Tensor) => pool(v).square().sum())(x) as Tensor;
      return [
        ...withGradients(pool, [filled([2, 3, 8, 8])]),
        ...withGradients(slope, [filled([2, 3, 8, 8])]),
      ];
    }),
  );

  test("three dimensions", async () => {
    const [x, w] = [filled([1, 4, 4, 5, 6]), filled([6, 2, 2, 3, 2], 2)];
    await same(() => withGradients((a, b) => conv3d(a, b, { groups: 2, stride: 2, padding: 1 }), [x, w]));
    const options = { stride: [2, 1, 3], padding: [0, 2, 1], outputPadding: [1, 0, 0] };
    await same(() =>
      withGradients((a, b) => convTranspose3d(a, b, options), [x, filled([4, 2, 2, 3, 2], 2)]),
    );
    await same(() => withGradients((a) => avgPool3d(a, 2, { stride: 1, padding: 1 }), [x]));
  });

  test("empty matrix products", () =>
    same(() => [matmul(filled([2, 0]), filled([0, 3])), matmul(filled([0, 2]), filled([2, 3]))]));

  test("a training step of a small LeNet", () =>
    same(() => {
      const images = filled([2, 1, 28, 28]);
      const [w1, w2, w3] = [filled([6, 1, 5, 5], 2), filled([16, 6, 5, 5], 3), filled([256, 10], 5)];
      const loss = (a: Tensor, b: Tensor, c: Tensor) => {
        const first = maxPool2d(conv2d(images, a, { padding: 0 }).mul(0.2).tanh(), 2);
        const second = maxPool2d(conv2d(first, b).mul(0.1).tanh(), 2);
        return second.reshape([2, 256]).matmul(c).mul(0.1).square().mean();
      };
      return [loss(w1, w2, w3), ...grad(loss, [0, 1, 2])(w1, w2, w3)];
    }));
});
