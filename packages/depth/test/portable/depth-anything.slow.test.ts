/** DINOv2 and Depth Anything on a tiny configuration: formulas, gradients and messages. */
import { uniformTensor } from "@tessera-ml/nn/golden";
import { type Tensor, valueAndGrad } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { gradcheck } from "../../../tensor/test/support/gradcheck.ts";
import { asInTransformers, DepthAnything, type DepthAnythingConfig, DinoV2 } from "../../src/index.ts";
import { checkParameterGradients, fillSmooth, fillTiny, TINY } from "../support.ts";

const create = (config: Partial<DepthAnythingConfig> = {}) =>
  fillTiny(new DepthAnything({ ...TINY, ...config }));
const read = async (x: Tensor) => (await x.data()) as Float32Array;
const wide = uniformTensor("wide", [2, 3, 6, 10]);

describe("Depth Anything", () => {
  test("gives a map of the image's size", async () => {
    const depth = create().forward(wide);
    expect(depth.shape).toEqual([2, 6, 10]);
    expect(Math.min(...(await read(depth)))).toBeGreaterThanOrEqual(0);
  });

  test("images of a batch do not influence each other", async () => {
    const model = create();
    const both = await read(model.forward(wide));
    const second = await read(model.forward(wide.narrow(0, 1, 1)));
    for (const [i, value] of second.entries()) expect(both[60 + i]).toBeCloseTo(value, 5);
  });

  test("metric depth is proportional to the largest depth and never above it", async () => {
    const near = await read(create({ maxDepth: 20 }).forward(wide));
    const far = await read(create({ maxDepth: 40 }).forward(wide));
    expect([...far]).toEqual([...near].map((metres) => 2 * metres));
    expect(Math.max(...near)).toBeLessThan(20);
  });

  test("other taps mean the same parameters and another map", async () => {
    const encoder = { ...TINY.encoder, depth: 6 };
    const spread = create({ encoder, taps: [0, 2, 3, 5] });
    const last = create({ encoder, taps: [2, 3, 4, 5] });
    expect([...spread.stateDict().keys()]).toEqual([...last.stateDict().keys()]);
    const [a, b] = [await read(spread.forward(wide)), await read(last.forward(wide))];
    expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))).toBeGreaterThan(1e-2);
  });

  test("positions are resized by a factor or by the size", async () => {
    const original = await read(create().forward(wide));
    const transformers = await read(fillTiny(new DepthAnything(asInTransformers(TINY))).forward(wide));
    expect(Math.max(...original.map((value, i) => Math.abs(value - transformers[i]!)))).toBeGreaterThan(1e-3);
    const square = uniformTensor("square", [1, 3, 8, 8]);
    expect([...(await read(create().forward(square)))]).toEqual([
      ...(await read(fillTiny(new DepthAnything(asInTransformers(TINY))).forward(square))),
    ]);
  });

  test("the gradient with respect to the image", async () => {
    const model = fillSmooth(new DepthAnything(TINY));
    await gradcheck((x) => model.forward(x).mul(10), [uniformTensor("x", [1, 3, 6, 4])]);
  });

  test("the gradients of parameters", async () => {
    const model = fillSmooth(new DepthAnything(TINY));
    const weights = uniformTensor("weights", [2, 6, 10]);
    await checkParameterGradients(
      model,
      [
        "pretrained.patch_embed.proj.weight",
        "pretrained.pos_embed",
        "pretrained.blocks.1.attn.qkv.weight",
        "pretrained.blocks.2.ls1.gamma",
        "depth_head.resize_layers.0.weight",
        "depth_head.scratch.refinenet3.resConfUnit1.conv1.bias",
        "depth_head.scratch.output_conv2.2.weight",
      ],
      () => model.forward(wide).mul(weights).sum(),
    );
  });

  test("the unit that the coarsest fusion never uses, and the token of masks, get no gradient", async () => {
    const model = create();
    const { grads } = valueAndGrad(model, () => model.forward(wide).sum());
    const unused = [...grads].filter(([path]) => /refinenet4\.resConfUnit1|mask_token/.test(path));
    expect(unused).toHaveLength(5);
    for (const [, gradient] of unused) expect(new Set(await read(gradient))).toEqual(new Set([0]));
  });

  test("sizes that do not fit", () => {
    const model = create();
    expect(() => model.forward(uniformTensor("x", [1, 3, 7, 8]))).toThrow(
      "pretrained.patch_embed: expected an image whose sides are multiples of 2, got",
    );
    expect(() => model.forward(uniformTensor("x", [1, 4, 8, 8]))).toThrow(
      "pretrained.patch_embed.proj: expected [N, 3, ...]",
    );
    const tokens = Array.from({ length: 4 }, () => uniformTensor("t", [1, 16, 12]));
    expect(() => model.depth_head.forward(tokens, [4, 5])).toThrow(
      "depth_head: expected [B, 20, D] for 4 x 5 patches",
    );
    expect(() => model.depth_head.forward(tokens.slice(1), [4, 4])).toThrow(
      "expected the tokens of 4 blocks, got 3",
    );
  });
});

describe("DINOv2", () => {
  test("an image of the stored size leaves the positions as they are", () => {
    const model = new DinoV2(TINY.encoder);
    expect(model.positions([4, 4])).toBe(model.pos_embed);
    expect(model.positions([3, 5]).shape).toEqual([1, 16, 12]);
  });

  test("patches are in row-major order", async () => {
    const model = fillTiny(new DinoV2(TINY.encoder));
    const x = uniformTensor("x", [1, 3, 6, 10]);
    const row = model.patch_embed.forward(x.narrow(2, 4, 2)); // the last of 3 rows of patches
    const added = model
      .embed(x)
      .sub(model.positions([3, 5]))
      .narrow(1, 1 + 10, 5);
    const [got, expected] = [await read(added), await read(row)];
    for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 5);
  });

  test("registers are no patches", () => {
    const model = fillTiny(new DinoV2({ ...TINY.encoder, registers: 3, interpolateOffset: 0 }));
    const { patches, registers, cls } = model.forward(wide);
    expect([patches.shape, registers.shape, cls.shape]).toEqual([
      [2, 15, 12],
      [2, 3, 12],
      [2, 12],
    ]);
  });

  test("invalid configurations", () => {
    expect(() => new DinoV2({ ...TINY.encoder, patch: 3 })).toThrow(
      "DinoV2: an image of 8 is not a whole number of patches of 3",
    );
    expect(() => new DinoV2(TINY.encoder).intermediateLayers(wide, [4])).toThrow(
      "expected ascending indices of 4 blocks, got [4]",
    );
  });
});
