/** Linear layers of functions compiled with `int8`. */
import { expect, test, vi } from "vitest";
import {
  backend,
  compile,
  linear,
  normal,
  parameter,
  randomKey,
  type Tensor,
  tensor,
} from "../../src/index.ts";

/** |a − b| / |b|. */
async function distance(a: Tensor, b: Tensor): Promise<number> {
  return await a.sub(b).norm().div(b.norm()).item();
}

/** What is loaded while `fn` runs, as text. */
async function modelsOf(fn: () => Promise<unknown>): Promise<string[]> {
  const load = vi.spyOn(await backend(), "load");
  try {
    await fn();
    return load.mock.calls.map(([model]) => new TextDecoder("latin1").decode(model));
  } finally {
    load.mockRestore();
  }
}

test.each([
  [[64, 96], true],
  [[2, 5, 33], true],
  [[7], false],
])("products of %j are accurate up to rounding, with a bias: %s", async (shape, hasBias) => {
  const inputs = shape.at(-1) as number;
  const weight = parameter(normal(randomKey(1), [40, inputs]));
  const bias = hasBias ? parameter(normal(randomKey(2), [40])) : undefined;
  const x = normal(randomKey(3), shape);
  const expected = linear(x, weight, bias);
  const rounded = compile((y: Tensor) => linear(y, weight, bias), { freeze: true, int8: true });
  const off = await distance(rounded(x), expected);
  expect(off).toBeGreaterThan(1e-5);
  expect(off).toBeLessThan(0.02);
  expect(rounded(x).shape).toEqual(expected.shape);
});

// 255 · 127 twice is more than 16 bits hold: kernels that saturate get smaller weights.
test("large products do not saturate", async () => {
  const rows = [Array.from({ length: 32 }, () => 255), Array.from({ length: 32 }, (_, i) => (i * 8) % 256)];
  const weights = [
    Array.from({ length: 32 }, () => 128),
    Array.from({ length: 32 }, (_, i) => (i % 2 ? 128 : 0)),
  ];
  weights.push(new Array<number>(32).fill(0));
  const weight = parameter(tensor(weights));
  const bias = parameter(tensor([1000, -3, 0.5]));
  const x = tensor(rows);
  const product = compile((y: Tensor) => linear(y, weight, bias), { freeze: true, int8: true });
  const expected = (await linear(x, weight, bias).tolist()) as number[][];
  const got = (await product(x).tolist()) as number[][];
  for (const [i, row] of expected.entries())
    for (const [j, value] of row.entries())
      expect(got[i]![j]! / value, `row ${i}, column ${j}`).toBeCloseTo(1, 5);
});

test("a weight that changes is rounded again", async () => {
  const weight = parameter(tensor([[1, 2, 4]]));
  const product = compile((y: Tensor) => linear(y, weight), { freeze: true, int8: true });
  const x = tensor([[0, 127, 255]]);
  expect(await product(x).item()).toBeCloseTo(1274, -1);
  weight.assign(tensor([[4, 2, 1]]));
  expect(await product(x).item()).toBeCloseTo(509, -1);
});

test("only frozen weights are rounded", async () => {
  const weight = parameter(normal(randomKey(1), [8, 16]));
  const x = normal(randomKey(2), [4, 16]);
  const expected = linear(x, weight);
  await expected.data();
  for (const [options, rounds] of [
    [{ freeze: true, int8: true }, true],
    [{ int8: true }, false],
    [{ freeze: true }, false],
  ] as const) {
    const product = compile((y: Tensor) => linear(y, weight), options);
    const models = await modelsOf(async () => {
      expect((await distance(product(x), expected)) > 1e-5).toBe(rounds);
    });
    expect(models.some((model) => model.includes("DynamicQuantizeMatMul"))).toBe(rounds);
  }
  const moving = compile((y: Tensor, w: Tensor) => linear(y, w), { freeze: true, int8: true });
  expect(await distance(moving(x, normal(randomKey(1), [8, 16])), expected)).toBeLessThan(1e-5);
});
