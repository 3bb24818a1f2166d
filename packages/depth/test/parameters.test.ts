/** Parameter counts to the unit, and key counts, of the published networks. */
import { describe, expect, test } from "vitest";
import { publishedState } from "../src/golden/case.ts";
import { NETWORKS } from "../src/index.ts";

const COUNTS: Readonly<Record<string, readonly [parameters: number, keys: number]>> = {
  dinov2_vits14: [22_056_576, 175],
  dinov2_vits14_reg: [22_058_112, 176],
  dinov2_vitb14: [86_580_480, 175],
  dinov2_vitl14: [304_368_640, 343],
  dinov2_vitg14: [1_136_480_768, 567],
  depth_anything_vits14: [24_785_089, 239],
  depth_anything_v2_vits: [24_785_089, 239],
  depth_anything_v2_vitb: [97_470_785, 239],
  depth_anything_v2_vitl: [335_315_649, 407],
  depth_anything_v2_vitg: [1_258_132_225, 631],
  depth_anything_v2_metric_vkitti_vits: [24_785_089, 239],
};

test.each(Object.entries(COUNTS))("%s", (name, [parameters, keys]) => {
  const model = NETWORKS[name]!.create();
  expect(model.parameterCount()).toBe(parameters);
  expect(model.stateDict().size).toBe(keys);
});

describe("names of Hugging Face's files", () => {
  test.each([
    ["dinov2_vits14_reg", 224],
    ["depth_anything_v2_vits", 287],
    ["depth_anything_v2_vitg", 791],
  ])("%s", (name, count) => {
    const { create, namings } = NETWORKS[name]!;
    const state = publishedState(create(), namings!.hf);
    expect(new Set(state.map(([key]) => key)).size).toBe(count);
    expect(state).toHaveLength(count);
  });

  test.each([
    ["depth_anything_v2_vits", "pretrained.norm.bias", "backbone.layernorm.bias"],
    [
      "depth_anything_v2_vits",
      "depth_head.resize_layers.3.bias",
      "neck.reassemble_stage.layers.3.resize.bias",
    ],
    ["depth_anything_v2_vits", "depth_head.scratch.layer4_rn.weight", "neck.convs.3.weight"],
    [
      "depth_anything_v2_vits",
      "depth_head.scratch.refinenet1.resConfUnit2.conv1.bias",
      "neck.fusion_stage.layers.3.residual_layer2.convolution1.bias",
    ],
    [
      "depth_anything_v2_vitg",
      "pretrained.blocks.7.mlp.w12.bias",
      "backbone.encoder.layer.7.mlp.weights_in.bias",
    ],
    ["dinov2_vits14_reg", "register_tokens", "embeddings.register_tokens"],
    ["dinov2_vitb14", "blocks.3.ls2.gamma", "encoder.layer.3.layer_scale2.lambda1"],
  ])("%s: %s is %s", (name, path, key) => {
    const { create, namings } = NETWORKS[name]!;
    expect(create().stateDict().has(path)).toBe(true);
    expect(namings!.hf!.keyOf(path)).toBe(key);
  });
});
