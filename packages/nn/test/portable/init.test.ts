import { manualSeed, randomKey, type Shape, type Tensor, tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { check } from "../../../tensor/test/support/fixtures.ts";
import { BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, init, Linear } from "../../src/index.ts";

interface Args {
  readonly shape: Shape;
  readonly mode: "fanIn" | "fanOut";
  readonly nonlinearity: init.Nonlinearity;
  readonly slope: number;
  readonly gain: number;
  readonly momentum: number;
}

// Half-widths of the uniforms and standard deviations of the normals.
await check<Args>("layers", {
  gain: ({ nonlinearity, slope }) => tensor(init.gain(nonlinearity, slope)),
  fans: ({ shape }) => {
    const { fanIn, fanOut } = init.fans(shape);
    return tensor(BigInt64Array.of(BigInt(fanIn), BigInt(fanOut)));
  },
  kaimingNormal: ({ shape, ...options }) => tensor(init.kaimingDeviation(shape, options)),
  kaimingUniform: ({ shape, ...options }) => tensor(init.kaimingDeviation(shape, options) * Math.sqrt(3)),
  xavierNormal: ({ shape, ...options }) => tensor(init.xavierDeviation(shape, options)),
  xavierUniform: ({ shape, ...options }) => tensor(init.xavierDeviation(shape, options) * Math.sqrt(3)),
  layerDefault: ({ shape }) => tensor(init.kaimingDeviation(shape, { slope: Math.sqrt(5) }) * Math.sqrt(3)),
  runningStatistics: ({ momentum }, x, mean, variance) => {
    const layer = new (x.rank === 2 ? BatchNorm1d : BatchNorm2d)(3, { ...(momentum && { momentum }) });
    layer.running_mean?.assign(mean);
    layer.running_var?.assign(variance);
    layer.forward(x);
    return [layer.running_mean as Tensor, layer.running_var as Tensor];
  },
});

async function statistics(x: Tensor) {
  const data = Array.from(await x.data(), Number);
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const deviation = Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length);
  return { mean, deviation, most: Math.max(...data.map(Math.abs)) };
}

describe("samples", () => {
  const shape = [64, 16, 3, 3]; // fan in 144, fan out 576
  const key = randomKey(5);
  const cases: Readonly<Record<string, [Tensor, deviation: number, most: number]>> = {
    kaimingNormal: [init.kaimingNormal(shape, { key }), Math.sqrt(2 / 144), Number.POSITIVE_INFINITY],
    kaimingUniform: [init.kaimingUniform(shape, { key }), Math.sqrt(2 / 144), Math.sqrt(6 / 144)],
    "kaimingNormal by fan out": [
      init.kaimingNormal(shape, { key, mode: "fanOut", nonlinearity: "linear" }),
      Math.sqrt(1 / 576),
      Number.POSITIVE_INFINITY,
    ],
    xavierNormal: [init.xavierNormal(shape, { key }), Math.sqrt(2 / 720), Number.POSITIVE_INFINITY],
    xavierUniform: [
      init.xavierUniform(shape, { key, gain: 2 }),
      2 * Math.sqrt(2 / 720),
      2 * Math.sqrt(6 / 720),
    ],
    lecunNormal: [init.lecunNormal(shape, { key }), Math.sqrt(1 / 144), 2 / Math.sqrt(144) / 0.8796],
    layerDefault: [init.layerDefault(shape, 144, { key }), Math.sqrt(1 / 144 / 3), Math.sqrt(1 / 144)],
    truncatedNormal: [init.truncatedNormal(shape, { key, std: 0.02 }), 0.02, 2],
    "truncatedNormal, narrow bounds": [init.truncatedNormal(shape, { key, low: -1, high: 1 }), 0.5396, 1],
    normal: [init.normal(shape, { key, std: 3 }), 3, Number.POSITIVE_INFINITY],
    uniform: [init.uniform(shape, { key, low: -1, high: 1 }), Math.sqrt(1 / 3), 1],
    "Linear weight": [new Linear(144, 64).weight, Math.sqrt(1 / 144 / 3), Math.sqrt(1 / 144)],
    "Conv2d weight": [new Conv2d(16, 64, 3).weight, Math.sqrt(1 / 144 / 3), Math.sqrt(1 / 144)],
    "ConvTranspose2d weight": [
      new ConvTranspose2d(16, 64, 3).weight,
      Math.sqrt(1 / 576 / 3),
      Math.sqrt(1 / 576),
    ],
  };
  for (const [name, [drawn, deviation, most]] of Object.entries(cases))
    test(name, async () => {
      const seen = await statistics(drawn);
      expect(Math.abs(seen.mean)).toBeLessThan(deviation * 0.05);
      expect(Math.abs(seen.deviation / deviation - 1)).toBeLessThan(0.04);
      expect(seen.most).toBeLessThanOrEqual(most * 1.000001);
      if (name !== "truncatedNormal" && Number.isFinite(most)) expect(seen.most).toBeGreaterThan(most * 0.97);
    });
  test("biases are within 1 / √fan in", async () => {
    const { most } = await statistics(new Linear(4, 4096).bias as Tensor);
    expect(most).toBeLessThanOrEqual(0.5);
    expect(most).toBeGreaterThan(0.49);
  });
});

test("orthogonal rows, or columns if there are more rows", async () => {
  for (const shape of [
    [24, 100],
    [100, 24],
    [64, 64],
    [8, 4, 3, 3],
  ]) {
    const drawn = init.orthogonal(shape, { key: randomKey(1), gain: 2 });
    const matrix = drawn.flatten(1);
    const [rows, columns] = matrix.shape as [number, number];
    const gram = rows > columns ? matrix.transpose().matmul(matrix) : matrix.matmul(matrix.transpose());
    const error = gram
      .sub(tensor(4).mul(identity(Math.min(rows, columns))))
      .abs()
      .max();
    expect(drawn.shape).toEqual(shape);
    expect(await error.item()).toBeLessThan(1e-4);
  }
});
function identity(n: number): Tensor {
  return tensor(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(i === j))));
}

test("dirac is the identity in each group", async () => {
  const x = init.normal([2, 4, 5, 5], { key: randomKey(2) });
  const conv = new Conv2d(4, 6, 3, { padding: 1, groups: 2, bias: false });
  conv.weight.assign(init.dirac(conv.weight.shape, 2));
  const y = conv.forward(x);
  for (const [from, to] of [
    [0, 0],
    [1, 1],
    [2, 3],
    [3, 4],
  ] as const)
    expect(await y.select(1, to).sub(x.select(1, from)).abs().max().item()).toBeLessThan(1e-6);
  expect(await y.select(1, 2).abs().max().item()).toBe(0);
});

test("a seed reproduces the model", async () => {
  const draw = async () => {
    manualSeed(11);
    const [a, b] = [new Linear(3, 3), new Linear(3, 3)];
    return [await a.weight.tolist(), await b.weight.tolist()] as const;
  };
  const [first, second] = [await draw(), await draw()];
  expect(second).toEqual(first);
  expect(first[0]).not.toEqual(first[1]);
});
