import {
  backend,
  compile,
  grad,
  matmulNBits,
  normal,
  randomKey,
  type Tensor,
  tensor,
} from "@tessera-ml/tensor";
import { describe, expect, test, vi } from "vitest";
import {
  encodeSafetensors,
  Linear,
  Module,
  QuantizedLinear,
  type QuantizeOptions,
  quantize,
  Sequential,
} from "../../src/index.ts";
import { snapshot } from "../../src/state.ts";

/** |a − b| / |b|. */
async function distance(a: Tensor, b: Tensor): Promise<number> {
  return await a.sub(b).norm().div(b.norm()).item();
}

function layer(inputs: number, outputs: number): Linear {
  const linear = new Linear(inputs, outputs);
  linear.weight.assign(normal(randomKey(inputs), [outputs, inputs]));
  return linear;
}

const FORMATS: readonly (QuantizeOptions & { rounding: number })[] = [
  // Relative rounding error of normal numbers: about the largest magnitude of a block / 2^bits / √3.
  { bits: 4, blockSize: 32, rounding: 0.09 },
  { bits: 4, blockSize: 128, rounding: 0.11 },
  { bits: 4, blockSize: 32, zeroPoints: true, rounding: 0.09 },
  { bits: 8, blockSize: 32, rounding: 0.0065 },
  { bits: 8, blockSize: 64, zeroPoints: true, rounding: 0.0065 },
];

for (const { rounding, ...options } of FORMATS)
  describe(JSON.stringify(options), () => {
    // 100 is not a multiple of the block size; 7 zero points of 4 bits do not fill their last byte.
    for (const [inputs, outputs] of [
      [256, 48],
      [100, 24],
      [200, 3],
    ] as const)
      test(`[${outputs}, ${inputs}] is accurate up to rounding`, async () => {
        const linear = layer(inputs, outputs);
        const quantized = await QuantizedLinear.from(linear, options);
        const off = await distance(quantized.floatWeight(), linear.weight);
        expect(off).toBeLessThan(rounding);
        expect(off).toBeGreaterThan(rounding / 4);

        const x = normal(randomKey(2), [2, 5, inputs]);
        const rounded = x.matmul(quantized.floatWeight().transpose()).add(linear.bias as Tensor);
        expect(await distance(quantized.forward(x), rounded)).toBeLessThan(1e-6);
        // Compiled for inference, ONNX Runtime's own operator runs; on some processors its kernel rounds the
        // input to 8 bits as well.
        const frozen = compile((y: Tensor) => quantized.forward(y), { freeze: true });
        const load = vi.spyOn(await backend(), "load");
        expect(await distance(frozen(x), rounded)).toBeLessThan(0.012);
        const models = load.mock.calls.map(([model]) => new TextDecoder("latin1").decode(model));
        load.mockRestore();
        expect(models.some((model) => model.includes("MatMulNBits"))).toBe(true);
        expect(await distance(frozen(x), linear.forward(x))).toBeLessThan(rounding + 0.012);
      });

    test("float32 accuracy in a compiled function", async () => {
      const quantized = await QuantizedLinear.from(layer(128, 16), options);
      const { bits, blockSize, weight, scales, zero_points } = quantized;
      const matrix = { bits, blockSize, columns: 128, weight, scales, zeroPoints: zero_points };
      const product = compile((y: Tensor) => matmulNBits(y, matrix, { accuracy: 1 }), { freeze: true });
      const x = normal(randomKey(3), [4, 128]);
      expect(await distance(product(x), x.matmul(quantized.floatWeight().transpose()))).toBeLessThan(1e-5);
    });
  });

test("sixteen evenly spaced values are exact", async () => {
  const linear = new Linear(32, 2, { bias: false });
  const steps = (low: number, sign: number) =>
    Array.from({ length: 32 }, (_, i) => sign * (((i * 5) % 16) + low));
  for (const [zeroPoints, rows] of [
    [false, [steps(-8, 1), steps(-8, -1)]],
    [true, [steps(-3, 1), steps(-14, 1)]],
  ] as const) {
    linear.weight.assign(tensor(rows));
    const quantized = await QuantizedLinear.from(linear, { zeroPoints });
    expect(await quantized.floatWeight().tolist()).toEqual(rows);
  }
});

test("rows of zeros stay zeros", async () => {
  const linear = new Linear(40, 3);
  linear.weight.assign(tensor(new Float32Array(120), { shape: [3, 40] }));
  for (const zeroPoints of [false, true]) {
    const quantized = await QuantizedLinear.from(linear, { zeroPoints });
    expect(await quantized.floatWeight().abs().max().item()).toBe(0);
  }
});

test("the gradient with respect to the input", async () => {
  const quantized = await QuantizedLinear.from(layer(64, 8));
  const x = normal(randomKey(4), [3, 64]);
  const dx = grad((y: Tensor) => quantized.forward(y).square().sum())(x);
  const expected = quantized.forward(x).mul(2).matmul(quantized.floatWeight());
  expect(await distance(dx, expected)).toBeLessThan(1e-5);
});

class Net extends Module {
  readonly blocks = [new Sequential(layer(32, 32), (x: Tensor) => x.relu())];
  readonly named = { head: layer(32, 4) };
  readonly byName = new Map([["extra", layer(32, 4)]]);
  readonly last = layer(4, 4);
  forward(x: Tensor): Tensor {
    const hidden = this.blocks.reduce((y, block) => block.forward(y), x);
    return this.last.forward(this.named.head.forward(hidden));
  }
}

test("quantize replaces all linear layers, or those the filter selects", async () => {
  const net = new Net();
  const x = normal(randomKey(5), [6, 32]);
  const before = net.forward(x);
  await before.data();
  expect(await quantize(net, { bits: 8, filter: (path) => path !== "last" })).toEqual([
    "blocks.0.0",
    "named.head",
    "byName.extra",
  ]);
  expect([...net.parameters().keys()]).toEqual(["last.weight", "last.bias"]);
  expect(net.named.head).toBeInstanceOf(QuantizedLinear);
  expect(net.byName.get("extra")).toBeInstanceOf(QuantizedLinear);
  const off = await distance(net.forward(x), before);
  expect(off).toBeGreaterThan(0);
  expect(off).toBeLessThan(0.02);

  // Saved and loaded into another quantized network.
  const copy = new Net();
  await quantize(copy, { bits: 8, filter: (path) => path !== "last" });
  await copy.load(await encodeSafetensors(snapshot(net.stateDict())));
  expect(await distance(copy.forward(x), net.forward(x))).toBe(0);
  await expect(quantize(new Linear(2, 2))).rejects.toThrow("use QuantizedLinear.from(layer)");
});

test("shape mismatches are errors", async () => {
  const quantized = await QuantizedLinear.from(layer(64, 8));
  const { weight, scales } = quantized;
  const x = normal(randomKey(6), [2, 64]);
  expect(() => matmulNBits(x, { bits: 8, blockSize: 32, columns: 64, weight, scales })).toThrow(
    "expected a weight of [8, 2, 32] uint8, got [8, 2, 16] uint8",
  );
  expect(() => matmulNBits(x, { bits: 4, blockSize: 24, columns: 64, weight, scales })).toThrow(
    "blocks of 24",
  );
  expect(() => quantized.forward(normal(randomKey(6), [2, 32]))).toThrow(
    "QuantizedLinear: expected 64 features on the last axis, got [2, 32]",
  );
});
