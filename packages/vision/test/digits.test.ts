/** LeCun 1989 and LeNet-5, which have no published checkpoints. */
import { uniformTensor } from "@tessera-ml/nn/golden";
import { conv2d, fromArray, type Tensor, valueAndGrad, zeros } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { C3_TABLE, digitCodes, LeCun1989, LeNet5, rbfLoss, squaredErrorLoss } from "../src/index.ts";

const data = async (x: Tensor) => [...((await x.data()) as Float32Array)];
const part = (model: LeCun1989 | LeNet5, name: string, x: Tensor) => {
  let y = x;
  for (const stage of model.parts()) {
    y = stage.forward(y);
    if (stage.name === name) break;
  }
  return y;
};

describe("LeCun 1989", () => {
  test("shapes; a map of H2 is connected to its 8 of 12 maps only", async () => {
    const model = new LeCun1989();
    const x = uniformTensor("x", [2, 1, 16, 16]);
    expect(part(model, "h1", x).shape).toEqual([2, 12, 8, 8]);
    expect(part(model, "h2", x).shape).toEqual([2, 12, 4, 4]);
    expect(model.forward(x).shape).toEqual([2, 10]);
    const h1 = uniformTensor("h1", [1, 12, 8, 8]);
    // Map 8 of H1 is not connected to the first four maps, but to all others.
    const changed = h1.add(
      fromArray(
        Float32Array.from({ length: 12 }, (_, i) => (i === 8 ? 1 : 0)),
        [12, 1, 1],
      ),
    );
    const difference = model.h2.forward(changed).sub(model.h2.forward(h1)).abs().max([0, 2, 3]);
    const seen = (await data(difference)).map((d) => d > 1e-6);
    expect(seen).toEqual([...Array(4).fill(false), ...Array(8).fill(true)]);
  });
  test("the border is −1, and each unit has its own bias", async () => {
    const { h1 } = new LeCun1989();
    const blank = h1.forward(zeros([1, 1, 16, 16]).sub(1)); // all −1: border and interior are alike
    const sums = h1.weight.sum([1, 2, 3]).neg().reshape([12, 1, 1]).expand([12, 8, 8]);
    const [ours, expected] = await Promise.all([data(blank), data(sums)]);
    ours.forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i] as number, 5);
    });
    expect(h1.bias.shape).toEqual([12, 8, 8]);
  });
  test("activations and the loss", async () => {
    const x = uniformTensor("x", [1, 1, 16, 16]);
    const [scaled, plain] = [new LeCun1989(), new LeCun1989({ activation: "tanh" })];
    await plain.load(scaled.stateDict());
    const a = scaled.h1.forward(x);
    expect(await data(part(plain, "h1", x))).toEqual(await data(a.tanh()));
    const expected = (await data(a)).map((v) => 1.7159 * Math.tanh((2 * v) / 3));
    (await data(part(scaled, "h1", x))).forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i] as number, 5);
    });
    const outputs = fromArray(Float32Array.of(0.5, -1, -1, 1, 1, -1), [2, 3]);
    const loss = squaredErrorLoss(outputs, fromArray(Int32Array.of(0, 1), [2]));
    // 0.5² once and 2² for the wrong 1, over six outputs.
    expect((await data(loss))[0]).toBeCloseTo(4.25 / 6, 6);
  });
});

describe("LeNet-5", () => {
  const x = uniformTensor("x", [2, 1, 32, 32]);
  test("shapes", () => {
    const model = new LeNet5();
    const shapes = ["c1", "s2", "c3", "s4", "c5", "f6"].map((name) => part(model, name, x).shape);
    expect(shapes).toEqual([
      [2, 6, 28, 28],
      [2, 6, 14, 14],
      [2, 16, 10, 10],
      [2, 16, 5, 5],
      [2, 120, 1, 1],
      [2, 84],
    ]);
    expect(model.forward(x).shape).toEqual([2, 10]);
  });
  test("C3 is a convolution masked by the table", async () => {
    const { c3 } = new LeNet5();
    const kernels = await data(c3.weight);
    const full = new Float32Array(16 * 6 * 25);
    C3_TABLE.flatMap((inputs, map) => inputs.map((input) => [map, input] as const)).forEach(
      ([map, input], i) => {
        full.set(kernels.slice(i * 25, (i + 1) * 25), (map * 6 + input) * 25);
      },
    );
    const s2 = uniformTensor("s2", [1, 6, 14, 14]);
    const expected = await data(conv2d(s2, fromArray(full, [16, 6, 5, 5])));
    (await data(c3.forward(s2))).forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i] as number, 5);
    });
    // Paper: every map of S2 is connected to ten maps of C3.
    expect([0, 1, 2, 3, 4, 5].map((map) => C3_TABLE.filter((seen) => seen.includes(map)).length)).toEqual(
      Array(6).fill(10),
    );
  });
  test("subsampling: the sum of four, a coefficient and a bias", async () => {
    const { s2 } = new LeNet5();
    s2.weight.assign(Float32Array.of(2, 1, 1, 1, 1, 1));
    s2.bias.assign(Float32Array.of(0.5, 0, 0, 0, 0, 0));
    const y = await data(
      s2.forward(
        fromArray(
          Float32Array.from({ length: 24 }, (_, i) => i),
          [1, 6, 2, 2],
        ),
      ),
    );
    expect(y).toEqual([12.5, 22, 38, 54, 70, 86]);
  });
  test("codes: ten distinct ones of 84 values ±1; a digit's own code is at distance 0", async () => {
    const codes = digitCodes();
    expect(codes.length).toBe(840);
    expect(codes.every((v) => Math.abs(v) === 1)).toBe(true);
    const { output } = new LeNet5();
    const distances = await data(output.forward(fromArray(codes, [10, 84])));
    for (let i = 0; i < 10; i++)
      for (let j = 0; j < 10; j++)
        if (i === j) expect(distances[i * 10 + j]).toBe(0);
        else expect(distances[i * 10 + j]).toBeGreaterThanOrEqual(4 * 8);
  });
  test("the paper's loss", async () => {
    const distances = fromArray(Float32Array.of(1, 2, 3, 0.5, 4, 2), [2, 3]);
    const loss = (await data(rbfLoss(distances, fromArray(Int32Array.of(1, 0), [2]))))[0];
    const row = (right: number, ys: number[]) =>
      right + Math.log(Math.exp(-0.1) + ys.reduce((sum, y) => sum + Math.exp(-y), 0));
    expect(loss).toBeCloseTo((row(2, [1, 2, 3]) + row(0.5, [0.5, 4, 2])) / 2, 5);
  });
  test("all 60,000 parameters get a gradient", async () => {
    const model = new LeNet5();
    const labels = fromArray(Int32Array.of(3, 7), [2]);
    const { grads } = valueAndGrad(model, () => model.loss(model.forward(x), labels));
    const sizes = await Promise.all(
      [...grads.values()].map(async (g) => (await data(g.abs().max()))[0] as number),
    );
    expect(sizes.length).toBe(model.trainable().size);
    expect(sizes.every((size) => size > 0)).toBe(true);
  });
  test("there are codes for ten digits only", () => {
    expect(() => new LeNet5({ classes: 26 })).toThrow(/got 26 classes/);
    expect(new LeNet5({ classes: 26, output: "softmax" }).forward(x).shape).toEqual([2, 26]);
  });
});
