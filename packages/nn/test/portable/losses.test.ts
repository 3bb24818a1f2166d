import {
  compile,
  gather,
  grad,
  manualSeed,
  oneHot,
  softmax,
  type Tensor,
  tensor,
  valueAndGrad,
} from "@tessera-ml/tensor";
import { describe, expect, test, vi } from "vitest";
import { check } from "../../../tensor/test/support/fixtures.ts";
import * as nn from "../../src/index.ts";

interface Args extends nn.CrossEntropyOptions {
  logTarget?: boolean;
  beta?: number;
  delta?: number;
  axis?: number;
  margin?: number;
  p?: number;
  alpha?: number;
  gamma?: number;
  smooth?: number;
}

await check<Args>("losses", {
  crossEntropy: (args, x, target) => nn.crossEntropy(x, target, args),
  crossEntropyWeighted: (args, x, target, weight) => nn.crossEntropy(x, target, { ...args, weight }),
  crossEntropySoft: (args, x, raw) => nn.crossEntropy(x, softmax(raw, 1), args),
  nll: (args, x, target) => nn.nll(x.sub(x.logSumExp(1, true)), target, args),
  mse: (args, x, target) => nn.mse(x, target, args),
  l1: (args, x, target) => nn.l1(x, target, args),
  smoothL1: (args, x, target) => nn.smoothL1(x, target, args),
  huber: (args, x, target) => nn.huber(x, target, args),
  bce: (args, x, target) => nn.binaryCrossEntropy(x.sigmoid(), target, args),
  bceWithLogits: (args, x, target, posWeight?: Tensor) =>
    nn.binaryCrossEntropyWithLogits(x, target, { ...args, ...(posWeight && { posWeight }) }),
  klDiv: ({ logTarget = false, ...args }, x, target) =>
    nn.klDivergence(logSoftmax(x), logTarget ? logSoftmax(target) : softmax(target, 1), {
      ...args,
      logTarget,
    }),
  cosineSimilarity: (args, x, target) => nn.cosineSimilarity(x, target, args),
  tripletMargin: (args, anchor, positive, negative) => nn.tripletMargin(anchor, positive, negative, args),
  sigmoidFocal: (args, x, target) => nn.sigmoidFocal(x, target, args),
  dice: (args, x, target) => nn.dice(x, target, args),
});

function logSoftmax(x: Tensor): Tensor {
  return x.sub(x.logSumExp(1, true));
}

test("classes can be on any axis", async () => {
  const [x, labels] = [
    tensor([
      [1, 2, 3],
      [0, 1, 0],
    ]),
    tensor(Int32Array.of(2, 0)),
  ];
  const along = await nn.crossEntropy(x, labels, { axis: -1, reduction: "none" }).tolist();
  expect(await nn.crossEntropy(x.transpose(), labels, { axis: 0, reduction: "none" }).tolist()).toEqual(
    along,
  );
});

test("labels of -100 are ignored", async () => {
  const x = tensor([
    [1, 2, 3],
    [0, 1, 0],
  ]);
  const first = await nn.crossEntropy(x.narrow(0, 0, 1), tensor(Int32Array.of(2))).item();
  const both = nn.crossEntropy(x, tensor(Int32Array.of(2, -100)));
  expect(await both.item()).toBeCloseTo(first, 6);
  expect(await nn.nll(x, tensor(Int32Array.of(2, -100))).item()).toBe(-3);
});

test("second derivatives of cross entropy match the direct formula", async () => {
  const x = tensor([
    [1, 2, 3],
    [0, 1, 0],
  ]);
  const labels = tensor(Int32Array.of(2, 0));
  const plain = (y: Tensor) =>
    y
      .logSumExp(1)
      .sub(gather(y, 1, labels.unsqueeze(1)).squeeze(1))
      .mean();
  const second = (loss: (y: Tensor) => Tensor) =>
    grad((y: Tensor) =>
      grad(loss)(y)
        .mul(tensor([1, -2, 3]))
        .sum(),
    )(x).tolist();
  const [ours, expected] = await Promise.all([second((y) => nn.crossEntropy(y, labels)), second(plain)]);
  for (const [i, row] of (expected as number[][]).entries())
    for (const [j, value] of row.entries()) expect((ours as number[][])[i]?.[j]).toBeCloseTo(value, 5);
  expect(Math.max(...(expected as number[][]).flat().map(Math.abs))).toBeGreaterThan(0.1);
});

test("shape mismatches are errors", () => {
  const x = tensor([
    [1, 2, 3],
    [0, 1, 0],
  ]);
  expect(() => nn.crossEntropy(x, tensor(Int32Array.of(1, 2, 0)))).toThrow(
    "crossEntropy([2, 3], [3] int32): expected int32 or int64 labels [2] for classes on axis 1",
  );
  expect(() => nn.mse(x, tensor([1, 2]))).toThrow(
    "mse([2, 3], [2]): prediction and target have different shapes",
  );
});

test("binary cross entropy has PyTorch's gradient, not NaN, at probabilities 0 and 1", async () => {
  const target = tensor([0, 1, 1, 0]);
  const loss = (x: Tensor, y: Tensor) => nn.binaryCrossEntropy(x, y);
  const x = tensor([0, 1, 0, 1]);
  expect(await loss(x, target).item()).toBe(50);
  const [dx, dy] = grad(loss, [0, 1])(x, target) as [Tensor, Tensor];
  const quarter = Math.fround(0.25 / Math.fround(1e-12));
  const found = Array.from(await dx.data(), Number);
  expect([found[0], found[1]]).toEqual([0, 0]);
  expect((found[2] as number) / -quarter).toBeCloseTo(1, 5);
  expect((found[3] as number) / quarter).toBeCloseTo(1, 5);
  expect(await dy.tolist()).toEqual([25, -25, 25, -25]);
  const half = (x: Tensor) => loss(x, target.astype("float16"));
  const halves = Array.from(await (grad(half)(x.astype("float16")) as Tensor).data(), Number);
  expect(halves).toEqual([0, 0, -Infinity, Infinity]);
});

describe("labels out of range", () => {
  const logits = tensor(Float32Array.from({ length: 8 }, (_, i) => Math.sin(i))).reshape([2, 4]);
  const losses: Readonly<Record<string, (x: Tensor, labels: Tensor, ignoreIndex?: number) => Tensor>> = {
    crossEntropy: (x, labels, ignoreIndex = -100) => nn.crossEntropy(x, labels, { ignoreIndex }),
    nll: (x, labels, ignoreIndex = -100) => nn.nll(x, labels, { ignoreIndex }),
  };

  test.each(Object.entries(losses))("%s rejects them", async (name, loss) => {
    for (const dtype of ["int32", "int64"] as const)
      for (const wrong of [-1, 4, -99, 1000]) {
        const labels = tensor([wrong, 1], { dtype });
        const message = `${name}: label ${wrong} is outside 0..3`;
        const slope = (y: Tensor) => grad((x: Tensor) => loss(x, y))(logits);
        for (const run of [
          () => loss(logits, labels),
          () => loss(logits, labels.add(1).sub(1)),
          () => compile(loss)(logits, labels),
          () => slope(labels),
          () => compile(slope)(labels),
        ])
          await expect(run().data()).rejects.toThrow(message);
      }
    expect(await loss(logits, tensor([3, 0], { dtype: "int32" })).item()).not.toBeNaN();
  });

  test("are rejected with any options and class axis", async () => {
    const weight = tensor([1, 2, 3, 4]);
    const labels = tensor([2, -1], { dtype: "int32" });
    for (const options of [{ weight }, { labelSmoothing: 0.1 }, { reduction: "none" }] as const)
      await expect(nn.crossEntropy(logits, labels, options).data()).rejects.toThrow(
        "label -1 is outside 0..3",
      );
    const transposed = logits.transpose();
    await expect(nn.crossEntropy(transposed, labels, { axis: 0 }).data()).rejects.toThrow("label -1");
    await expect(nn.crossEntropy(logits, oneHot(labels, 4)).data()).rejects.toThrow(
      "oneHot: id -1 is outside 0..3",
    );
  });

  test.each(Object.entries(losses))("%s supports any ignoreIndex", async (_, loss) => {
    for (const ignoreIndex of [-100, -1, 255, 4]) {
      for (const change of [(y: Tensor) => y, (y: Tensor) => y.add(0)]) {
        const ignored = loss(logits, change(tensor([ignoreIndex, 1], { dtype: "int32" })), ignoreIndex);
        const alone = loss(logits.narrow(0, 1, 1), tensor([1], { dtype: "int32" }));
        expect(await ignored.item()).toBeCloseTo(await alone.item(), 6);
      }
    }
    await expect(loss(logits, tensor([-100, 1], { dtype: "int32" }), -1).data()).rejects.toThrow(
      "label -100 is outside 0..3",
    );
  });

  test("weights must match the number of classes", () => {
    expect(() =>
      nn.crossEntropy(logits, tensor([1, 2], { dtype: "int32" }), { weight: tensor([1, 2, 3]) }),
    ).toThrow("crossEntropy([2, 4], [2] int32): expected a weight for each of 4 classes, got [3]");
  });

  test("stop a compiled training step and fit, leaving parameters unchanged", async () => {
    manualSeed(1);
    const model = new nn.Linear(4, 4);
    const optimizer = new nn.SGD(model, { lr: 0.1 });
    const train = compile((x: Tensor, y: Tensor) => {
      const { value, grads } = valueAndGrad(model, () => nn.crossEntropy(model.forward(x), y));
      optimizer.update(grads);
      return value;
    });
    const before = [...(await model.weight.data())];
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    await expect(train(logits, tensor([1, -1], { dtype: "int32" })).item()).rejects.toThrow(
      "crossEntropy: label -1 is outside 0..3",
    );
    expect([...(await model.weight.data())]).toEqual(before);
    const samples = nn.arrays({
      x: { data: new Float32Array(32), shape: [8, 4] },
      y: Int32Array.of(0, 1, 2, 3, 0, 1, 2, 4),
    });
    const run = nn.fit({
      model,
      optimizer,
      data: new nn.DataLoader(samples, { batchSize: 2 }),
      loss: ({ x, y }: { x: Tensor; y: Tensor }) => nn.crossEntropy(model.forward(x), y),
      epochs: 1,
      progress: false,
    });
    await expect(run).rejects.toThrow("crossEntropy: label 4 is outside 0..3");
    for (const value of await model.weight.data()) expect(value).not.toBeNaN();
    expect(warn).toHaveBeenCalledWith(
      "tessera: the training step failed and its variables keep their values: crossEntropy: label 4 is outside 0..3",
    );
    warn.mockRestore();
  });
});
