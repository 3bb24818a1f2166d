/** Published networks: counts of parameters and keys, names of files, and loading them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publishedState } from "@tessera-ml/kit/golden";
import { loadNetwork } from "@tessera-ml/kit/networks";
import { writeSafetensors } from "@tessera-ml/nn";
import { uniformByName } from "@tessera-ml/nn/golden";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DepthAnything, networks } from "../src/index.ts";

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
  depth_lite0: [2_826_913, 314],
  // With the counters of batch norm: 562 and 410 without.
  midas_v21_384: [105_362_945, 666],
  midas_v21_small_256: [21_320_545, 482],
  dpt_large_384: [344_055_465, 368],
  dpt_hybrid_384: [123_146_985, 368],
  dpt_beit_base_384: [111_531_689, 271],
  dpt_swin2_tiny_256: [41_701_331, 273],
};

test.each(Object.entries(COUNTS))("%s", (name, [parameters, keys]) => {
  const model = networks.find(name).create();
  expect(model.parameterCount()).toBe(parameters);
  expect(model.stateDict().size).toBe(keys);
});

describe("names of Hugging Face's files", () => {
  test.each([
    ["hf/facebook/dinov2-with-registers-small", 224],
    ["hf/depth-anything/Depth-Anything-V2-Small-hf", 287],
    ["hf/LiheYoung/depth-anything-large-hf", 503],
    ["hf/Intel/dpt-large", 462],
  ])("%s", (name, count) => {
    const { create, naming } = networks.find(name);
    const state = publishedState(create(), naming);
    expect(new Set(state.map(([key]) => key)).size).toBe(count);
    expect(state).toHaveLength(count);
  });

  test.each([
    ["depth-anything/Depth-Anything-V2-Small-hf", "pretrained.norm.bias", "backbone.layernorm.bias"],
    [
      "depth-anything/Depth-Anything-V2-Small-hf",
      "depth_head.resize_layers.3.bias",
      "neck.reassemble_stage.layers.3.resize.bias",
    ],
    ["LiheYoung/depth-anything-base-hf", "depth_head.scratch.layer4_rn.weight", "neck.convs.3.weight"],
    [
      "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf",
      "depth_head.scratch.refinenet1.resConfUnit2.conv1.bias",
      "neck.fusion_stage.layers.3.residual_layer2.convolution1.bias",
    ],
    ["facebook/dinov2-giant", "blocks.7.mlp.w12.bias", "encoder.layer.7.mlp.weights_in.bias"],
    ["facebook/dinov2-with-registers-small", "register_tokens", "embeddings.register_tokens"],
    ["facebook/dinov2-base", "blocks.3.ls2.gamma", "encoder.layer.3.layer_scale2.lambda1"],
    [
      "depth-anything/DA3METRIC-LARGE",
      "backbone.pretrained.cls_token",
      "model.backbone.pretrained.cls_token",
    ],
  ])("%s: %s is %s", (name, path, key) => {
    const { create, naming } = networks.find(`hf/${name}`);
    expect(create().stateDict().has(path)).toBe(true);
    expect(naming.keyOf(path)).toBe(key);
  });
});

describe("files", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tessera-depth-"));
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  /** A file in which every value is a function of its key. */
  async function write(name: string): Promise<string> {
    const { create, naming } = networks.find(name);
    const tensors = publishedState(create(), naming).map(([key, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return { name: key, dtype: "float32" as const, shape, data: uniformByName(key, size) };
    });
    const file = join(folder, `${name.replaceAll("/", "-")}.safetensors`);
    await writeSafetensors(file, tensors);
    return file;
  }

  test("of Hugging Face give a network that resizes positions as transformers does", async () => {
    const file = await write("hf/depth-anything/Depth-Anything-V2-Small-hf");
    const { module, source } = await loadNetwork(networks, "depth_anything_v2_vits", file);
    expect(source).toBe("hf");
    const parts = ["query", "key", "value"].flatMap((part) => [
      ...uniformByName(`backbone.encoder.layer.5.attention.attention.${part}.bias`, 384),
    ]);
    const loaded = module.stateDict().get("pretrained.blocks.5.attn.qkv.bias")!;
    expect([...((await loaded.data()) as Float32Array)]).toEqual(parts);
    expect((module as DepthAnything).config.encoder.interpolateOffset).toBe(0);
  });

  test("of the authors, and of another size", async () => {
    const file = await write("depth_anything_v2_metric_vkitti_vits");
    const { module, source } = await loadNetwork(networks, "depth_anything_v2_metric_vkitti_vits", file);
    expect(source).toBe("own");
    expect((module as DepthAnything).config).toMatchObject({ maxDepth: 80 });
    await expect(loadNetwork(networks, "depth_anything_v2_vitb", file)).rejects.toThrow(
      /pretrained\.cls_token: expected \[1, 1, 768\], got \[1, 1, 384\]/,
    );
  });
});
