/** EfficientNet-Lite against timm, and the padding that TensorFlow calls "same". */
import { fillGolden, uniformTensor } from "@tessera-ml/nn/golden";
import type { Tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { gradcheck } from "../../../tensor/test/support/gradcheck.ts";
import { createNetwork } from "../../src/index.ts";
import { blockCounts } from "../../src/models/efficientnet-lite.ts";
import { efficientnetLiteConfigs, SameConv2d, samePadding } from "../../src/models/index.ts";

const read = async (x: Tensor) => [...((await x.data()) as Float32Array)];

test("the first logits of timm's tf_efficientnet_lite0 on filled parameters, for sides that need uneven padding", async () => {
  const model = createNetwork("tf_efficientnet_lite0").eval();
  fillGolden(model);
  const logits = model.forward(uniformTensor("input", [2, 3, 65, 50]));
  expect(logits.shape).toEqual([2, 1000]);
  const first = await read(logits.narrow(1, 0, 4));
  // timm 0.6.13; the logits have a standard deviation of 2.16.
  const theirs = [
    -1.0475891, 0.0961976, -1.9103849, 0.9838933, -1.3048939, 0.3558399, -2.1314497, -0.2696491,
  ];
  for (const [i, value] of theirs.entries())
    expect(Math.abs((first[i] as number) - value)).toBeLessThan(2e-4);
});

test("blocks of each stage", () => {
  expect(blockCounts(efficientnetLiteConfigs.tf_efficientnet_lite0)).toEqual([1, 2, 2, 3, 3, 4, 1]);
  expect(blockCounts(efficientnetLiteConfigs.tf_efficientnet_lite4)).toEqual([1, 4, 4, 6, 6, 8, 1]);
});

describe('"same" padding', () => {
  test.each([
    [5, 3, 2, [1, 1]],
    [6, 3, 2, [0, 1]],
    [7, 5, 2, [2, 2]],
    [8, 5, 2, [1, 2]],
    [4, 1, 2, [0, 0]],
    [9, 3, 1, [1, 1]],
  ] as const)("%i entries, kernel %i, stride %i", (extent, kernel, stride, expected) => {
    const x = uniformTensor("x", [1, 1, extent, 2 * extent]);
    expect(samePadding(x, kernel, stride)[0]).toEqual(expected);
    const shape = new SameConv2d(1, 1, kernel, { stride }).forward(x).shape;
    expect(shape).toEqual([1, 1, Math.ceil(extent / stride), Math.ceil((2 * extent) / stride)]);
  });

  test("the gradient with respect to the image", async () => {
    const conv = new SameConv2d(2, 4, 3, { stride: 2, groups: 2 });
    fillGolden(conv);
    await gradcheck((x) => conv.forward(x), [uniformTensor("x", [1, 2, 6, 5])]);
  });
});
