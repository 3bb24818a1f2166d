/** Fine-tuning to metres: rates, decay, and which pixels count. */
import { compile, fromArray, type Tensor, Variable, valueAndGrad } from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import { DepthAnything } from "../src/index.ts";
import { inRange, metricLoss, metricOptimizer } from "../src/training/metric.ts";
import { TINY } from "./support/tiny-system.ts";
import { fillTiny } from "./support.ts";

const ENCODER = /^pretrained\./;
const HEAD = "depth_head.scratch.output_conv2.2.bias";
const UNUSED = "depth_head.scratch.refinenet4.resConfUnit1.conv1.weight";
const valuesOf = async (x: Tensor) => Array.from(await x.data(), Number);

test("the head learns faster, the first two steps have the full rate, and what is unused stays as it is", async () => {
  const model = fillTiny(new DepthAnything({ ...TINY, maxDepth: 10 })).train();
  const optimizer = metricOptimizer(model, ENCODER, { steps: 4, lr: 1e-3, weightDecay: 0.5 });
  const parameters = model.parameters();
  const encoder = [...parameters.keys()].find((path) => ENCODER.test(path))!;
  const start = new Map(
    await Promise.all(
      [encoder, HEAD, UNUSED].map(async (path) => [path, await valuesOf(parameters.get(path)!)] as const),
    ),
  );
  const rates: number[] = [];
  const step = compile(() => {
    const rate = optimizer.learningRate as Tensor;
    // The gradient is 1 everywhere, but 0 where there is none: Adam then moves by the rate.
    const { grads } = valueAndGrad(model, () =>
      [...parameters]
        .filter(([path]) => path !== UNUSED)
        .map(([, parameter]) => parameter.sum())
        .reduce((a, b) => a.add(b)),
    );
    optimizer.update(grads);
    return rate;
  });
  for (let i = 0; i < 6; i++) {
    rates.push(Number(await step().item()));
    if (i > 0) continue;
    for (const [path, lr] of [
      [encoder, 1e-3],
      [HEAD, 1e-2],
    ] as const) {
      const [was] = start.get(path)!;
      const [is] = await valuesOf(parameters.get(path)!);
      expect(is).toBeCloseTo(was! * (1 - lr * 0.5) - lr, 5);
    }
  }
  step.release();
  const wanted = [1, 1, 0.75 ** 0.9, 0.5 ** 0.9, 0.25 ** 0.9, 0].map((share) => share * 1e-3);
  for (const [i, rate] of rates.entries()) expect(rate).toBeCloseTo(wanted[i]!, 8);
  expect(await valuesOf(parameters.get(UNUSED)!)).toEqual(start.get(UNUSED));
});

test("only known depths in range count", async () => {
  const depth = fromArray(Float32Array.of(0, 0.0005, 1, 5, 10, 11), [1, 2, 3]);
  const valid = fromArray(Float32Array.of(1, 1, 1, 0, 1, 1), [1, 2, 3]);
  const range = { maxDepth: 10 };
  expect((await valuesOf(inRange(depth, valid, range))).map(Boolean)).toEqual([
    ...[false, false, true, false, true, false],
  ]);
  const prediction = new Variable(fromArray(Float32Array.of(3, 3, 2, 3, 5, 3), [1, 2, 3]));
  const { value, grads } = valueAndGrad({ prediction }, () => metricLoss(prediction, depth, valid, range));
  // g = ln(1/2) and ln 2: mean 0, so √ of the mean square.
  expect(Number(await value.item())).toBeCloseTo(Math.log(2), 5);
  const gradient = await valuesOf(grads.get("prediction")!);
  expect(gradient.map((g) => g !== 0)).toEqual([false, false, true, false, true, false]);
});
