import { buffer, evaluate, manualSeed, parameter, type Tensor, tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import {
  AdamW,
  arrays,
  crossEntropy,
  DataLoader,
  EMA,
  fit,
  Linear,
  Module,
  mse,
  type ProgressReport,
  SGD,
} from "../../src/index.ts";
import { accuracyOf, loader, lossOf, Net } from "../support/spirals.ts";

test("learns to separate two spirals", async () => {
  manualSeed(1);
  const model = new Net();
  const before = await accuracyOf(model)();
  const result = await fit({
    model,
    optimizer: new AdamW(model, { lr: 0.01 }),
    data: loader(),
    loss: lossOf(model),
    epochs: 60,
    evaluate: accuracyOf(model),
    evaluateEvery: { epochs: 20 },
    progress: false,
  });
  expect(before.accuracy).toBeLessThan(0.7);
  expect(result.metrics.accuracy).toBeGreaterThan(0.97);
  expect(result).toMatchObject({ steps: 960, reason: "finished" });
});

/** y = 3x: one weight, 16 samples. */
class Slope extends Module {
  readonly weight = parameter(tensor([0]));
  readonly norm = new Linear(1, 1);
  readonly seen = buffer(tensor([0]));
}
const points = Float32Array.from({ length: 16 }, (_, i) => i / 16);
const data = (batchSize: number) =>
  new DataLoader(arrays({ x: points, y: points.map((x) => 3 * x) }), { batchSize });
function setup(lr = 0.5) {
  const model = new Slope();
  const loss = ({ x, y }: { x: Tensor; y: Tensor }) => {
    if (model.training) model.seen.assign(model.seen.add(1));
    return mse(x.mul(model.weight), y);
  };
  return { model, loss, optimizer: new SGD(model, { lr }), progress: false as const };
}

describe("the loop", () => {
  test("accumulating two batches equals one batch of twice the size", async () => {
    const [whole, halves] = [setup(), setup()];
    await fit({ ...whole, data: data(8), steps: 6 });
    const result = await fit({ ...halves, data: data(4), accumulate: 2, steps: 6 });
    expect(result.steps).toBe(6);
    expect(await halves.model.seen.item()).toBe(12);
    expect(await halves.model.weight.item()).toBeCloseTo(await whole.model.weight.item(), 6);
    expect(await whole.model.weight.item()).toBeGreaterThan(1);
  });

  describe("accumulating uneven batches equals one large batch", () => {
    const [features, classes] = [4, 3];
    /** Weights and the last loss after training on samples i = 0…n − 1; if `ignoring`, every third label is ignored. */
    const trained = async (
      n: number,
      batchSize: number,
      options: { accumulate?: number; ignoring?: boolean; samples?: (batch: { y: Tensor }) => Tensor } = {},
    ) => {
      manualSeed(1);
      const { ignoring = false, ...rest } = options;
      const model = new Linear(features, classes);
      let lastLoss = Number.NaN;
      const result = await fit({
        ...rest,
        model,
        optimizer: new SGD(model, { lr: 0.5, momentum: 0.9 }),
        data: new DataLoader(
          arrays({
            x: {
              data: Float32Array.from({ length: n * features }, (_, i) => Math.sin(i * 7)),
              shape: [n, features],
            },
            y: Int32Array.from({ length: n }, (_, i) => (ignoring && i % 3 === 0 ? -100 : (i * 5) % classes)),
          }),
          { batchSize },
        ),
        loss: ({ x, y }: { x: Tensor; y: Tensor }) => crossEntropy(model.forward(x), y),
        epochs: 3,
        // Reports depend on the time, but for that of the last step.
        progress: ({ loss }) => {
          lastLoss = loss;
        },
      });
      return { steps: result.steps, numbers: [lastLoss, ...(await model.weight.data())].map(Number) };
    };
    const expectEqual = (a: Awaited<ReturnType<typeof trained>>, b: Awaited<ReturnType<typeof trained>>) => {
      expect(a.steps).toBe(b.steps);
      expect(a.numbers.length).toBe(b.numbers.length);
      a.numbers.forEach((value, i) => {
        expect(value).toBeCloseTo(b.numbers[i] as number, 5);
      });
    };

    test.each([
      [7, 4, 2],
      [7, 3, 3],
      [5, 4, 2],
      [11, 2, 6],
    ])("%i samples in batches of %i, %i per step", async (n, batchSize, accumulate) => {
      expectEqual(await trained(n, batchSize, { accumulate }), await trained(n, n));
    });

    test("batches left over at the end of an epoch form a smaller step", async () => {
      const uneven = await trained(19, 4, { accumulate: 2 });
      expect(uneven.steps).toBe(9);
      expectEqual(uneven, await trained(19, 8));
    });

    test("samples sets what the loss averages over", async () => {
      const samples = ({ y }: { y: Tensor }) => y.notEqual(-100).sum();
      const weighted = await trained(16, 4, { accumulate: 4, ignoring: true, samples });
      expectEqual(weighted, await trained(16, 16, { ignoring: true }));
    });
  });

  test("evaluates in inference mode with the EMA, then restores the modes", async () => {
    const { model, ...rest } = setup();
    model.norm.eval();
    const ema = new EMA(model, { decay: 0.5, warmUp: false });
    const seen: { step: number; epoch: number; weight: number; training: boolean }[] = [];
    await fit({
      ...rest,
      model,
      ema,
      data: data(4),
      epochs: 2,
      evaluateEvery: { steps: 3 },
      evaluate: async ({ step, epoch }) => {
        seen.push({
          step,
          epoch,
          weight: await model.weight.item(),
          training: model.training || model.norm.training,
        });
        return {};
      },
    });
    expect(seen.map(({ step, epoch }) => [step, epoch])).toEqual([
      [3, 1],
      [6, 2],
      [8, 2],
    ]);
    expect(seen.some(({ training }) => training)).toBe(false);
    expect([model.training, model.norm.training]).toEqual([true, false]);
    expect(await ema.updates.item()).toBe(8);
    const mean = await ema.stateDict().get("weight")?.item();
    expect(seen[2]?.weight).toBe(mean);
    expect(await model.weight.item()).not.toBe(mean);
  });

  test("stops early without improvement", async () => {
    const values = [0.5, 0.7, 0.6, 0.7, 0.9];
    const result = await fit({
      ...setup(),
      data: data(4),
      epochs: 5,
      evaluate: ({ epoch }) => ({ accuracy: values[epoch - 1] as number }),
      best: { metric: "accuracy", mode: "max", patience: 2 },
    });
    expect(result).toEqual({
      steps: 16,
      reason: "no improvement",
      metrics: { accuracy: 0.7 },
      best: { step: 8, value: 0.7 },
    });
  });

  test("stops when the signal aborts, and does not start if it already has", async () => {
    const stop = new AbortController();
    const run = setup();
    const evaluate = ({ step }: { step: number }) => {
      if (step === 3) stop.abort();
      return {};
    };
    const result = await fit({
      ...run,
      data: data(4),
      epochs: 5,
      evaluate,
      evaluateEvery: { steps: 1 },
      signal: stop.signal,
    });
    expect(result).toMatchObject({ steps: 3, reason: "aborted" });
    expect(await run.model.seen.item()).toBe(3);
    expect(await fit({ ...run, data: data(4), epochs: 1, signal: stop.signal })).toMatchObject({
      steps: 0,
      reason: "aborted",
    });
  });

  test("a loss that is not finite ends the run with a diagnosis", async () => {
    const { model, ...rest } = setup(1e30);
    await expect(fit({ ...rest, model, data: data(8), epochs: 4 })).rejects.toThrow(
      /fit: the loss at step [23] is (Infinity|NaN); after this step, (all parameters are finite|1 parameters are not finite, starting with weight)/,
    );
  });

  test("clips gradients and reports progress", async () => {
    const reports: ProgressReport[] = [];
    const { model, ...rest } = setup(1);
    await fit({
      ...rest,
      model,
      data: data(16),
      epochs: 1,
      clipNorm: 0.25,
      progress: (report) => reports.push(report),
    });
    expect(await model.weight.item()).toBeCloseTo(0.25, 4);
    expect(reports.at(-1)).toMatchObject({ step: 1, steps: 1, epoch: 1, secondsLeft: 0 });
    expect(reports[0]?.loss).toBeCloseTo((points.reduce((sum, x) => sum + 9 * x * x, 0) / 16) as number, 4);
  });

  test("rejects invalid options", async () => {
    await expect(fit({ ...setup(), data: data(8) })).rejects.toThrow("fit: expected either epochs or steps");
    await expect(fit({ ...setup(), data: data(8), epochs: 1, accumulate: 3 })).rejects.toThrow(
      "fit: accumulate: expected at most the 2 batches of an epoch, got 3",
    );
    await expect(
      fit({
        ...setup(),
        data: data(8),
        epochs: 1,
        evaluate: () => ({ error: 1 }),
        best: { metric: "accuracy", mode: "max" },
      }),
    ).rejects.toThrow("fit: best: expected evaluate to return accuracy, got error");
    await evaluate();
  });
});
