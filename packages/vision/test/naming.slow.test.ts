/** Other libraries' namings: keys are unique per path, and files under each naming load. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Naming, sourceShape } from "@tessera-ml/kit/networks";
import { writeSafetensors } from "@tessera-ml/nn";
import { uniformByName } from "@tessera-ml/nn/golden";
import type { Tensor } from "@tessera-ml/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNetwork, loadClassifier, networks } from "../src/index.ts";

const published = networks.list().filter(({ sources }) => Object.keys(sources).length > 0);
describe.each(published.map((entry) => [entry.name, entry] as const))("%s", (_, entry) => {
  test.each(Object.keys(entry.sources))("%s gives each path a unique key", (source) => {
    const naming = entry.sources[source] as Naming & { create?: typeof entry.create };
    const paths = [...(naming.create ?? entry.create)().stateDict().keys()];
    const keys = paths.flatMap((path) => naming.partsOf?.(naming.keyOf(path)) ?? [naming.keyOf(path)]);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThanOrEqual(paths.length);
  });
});

describe("keys match their sources", () => {
  test.each([
    ["timm/mobilenetv2_100", "features.1.conv.1.weight", "blocks.0.0.conv_pw.weight"],
    ["timm/mobilenetv2_100", "features.4.conv.1.1.bias", "blocks.2.0.bn2.bias"],
    ["timm/mobilenetv2_100", "features.18.0.weight", "conv_head.weight"],
    [
      "efficientnet_lite_pytorch/efficientnet-lite0",
      "blocks.0.0.conv_pw.weight",
      "_blocks.0._project_conv.weight",
    ],
    ["efficientnet_lite_pytorch/efficientnet-lite1", "blocks.2.1.bn3.bias", "_blocks.5._bn2.bias"],
    ["efficientnet_lite_pytorch/efficientnet-lite0", "bn2.running_var", "_bn1.running_var"],
    ["timm/swin_tiny_patch4_window7_224", "features.2.norm.bias", "layers.1.downsample.norm.bias"],
    ["timm/swin_tiny_patch4_window7_224", "features.3.1.mlp.3.bias", "layers.1.blocks.1.mlp.fc2.bias"],
    ["timm/vgg11", "classifier.3.weight", "pre_logits.fc2.weight"],
    [
      "hf/microsoft/resnet-50",
      "layer2.3.bn3.bias",
      "resnet.encoder.stages.1.layers.3.layer.2.normalization.bias",
    ],
    [
      "hf/microsoft/resnet-50",
      "layer1.0.downsample.0.weight",
      "resnet.encoder.stages.0.layers.0.shortcut.convolution.weight",
    ],
    [
      "hf/facebook/convnext-tiny-224",
      "stages.1.2.gamma",
      "convnext.encoder.stages.1.layers.2.layer_scale_parameter",
    ],
    ["torchvision-old/vit_b_16", "blocks.2.mlp.fc2.bias", "encoder.layers.encoder_layer_2.mlp.linear_2.bias"],
    [
      "torchvision-old/densenet121",
      "features.denseblock1.denselayer2.norm1.bias",
      "features.denseblock1.denselayer2.norm.1.bias",
    ],
  ])("%s: %s is %s", (name, path, key) => {
    const { create, naming } = networks.find(name);
    expect(create().stateDict().has(path)).toBe(true);
    expect(naming.keyOf(path)).toBe(key);
  });
});

describe("loadClassifier", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tessera-vision-"));
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  /** A file of the naming: every tensor a function of its key. */
  async function write(
    name: string,
    options: { prefix?: string; leave?: (key: string) => boolean; classes?: number } = {},
  ): Promise<string> {
    const { create, naming } = networks.find(name);
    const { prefix = "", leave = (key) => key.endsWith("num_batches_tracked"), ...sizes } = options;
    const tensors = [...create(sizes).stateDict()].flatMap(([path, { shape }]) => {
      const key = naming.keyOf(path);
      const theirs = sourceShape(naming, key, shape);
      const parts = naming.partsOf?.(key) ?? [key];
      const one = [(theirs[0] ?? 1) / parts.length, ...theirs.slice(1)];
      return parts
        .filter((part) => !leave(part))
        .map((part) => ({
          name: prefix + part,
          dtype: "float32" as const,
          shape: one,
          data: uniformByName(
            part,
            one.reduce((a, b) => a * b, 1),
          ),
        }));
    });
    const path = join(folder, `${name.replaceAll("/", "-")}${prefix}.safetensors`);
    await writeSafetensors(path, tensors);
    return path;
  }
  const values = async (x: Tensor | undefined) => Array.from(((await x?.data()) ?? []) as Float32Array);

  test.each([
    ["mobilenet_v2_050", "timm/mobilenetv2_050", "features.3.conv.0.0.weight", "blocks.1.1.conv_pw.weight"],
    ["densenet121", "torchvision-old/densenet121", "features.norm0.weight", "features.norm0.weight"],
    ["convnextv2_atto", "timm/convnextv2_atto", "stages.0.1.grn.gamma", "stages.0.blocks.1.mlp.grn.weight"],
    ["resnet18", "hf/microsoft/resnet-18", "fc.weight", "classifier.1.weight"],
  ])("%s from %s", async (name, published, path, key) => {
    const { module: model, source } = await loadClassifier(
      name,
      await write(published, { prefix: "module." }),
    );
    expect(source).toBe(published.split("/")[0]);
    const loaded = model.stateDict().get(path);
    expect(await values(loaded)).toEqual([...uniformByName(key, loaded?.size as number)]);
  });

  test("query, key and value are joined", async () => {
    const { module: model, source } = await loadClassifier(
      "vit_tiny_patch16_224",
      await write("hf/google/vit-tiny-patch16-224"),
    );
    expect(source).toBe("hf");
    const parts = ["query", "key", "value"].flatMap((part) => [
      ...uniformByName(`vit.encoder.layer.1.attention.attention.${part}.bias`, 192),
    ]);
    expect(await values(model.stateDict().get("blocks.1.attn.qkv.bias"))).toEqual(parts);
  });

  test("errors name a missing key and a wrong number of classes; the number is taken from the head", async () => {
    const missing = await write("torchvision/resnet18", { leave: (key) => key === "layer1.0.bn1.bias" });
    await expect(loadClassifier("resnet18", missing)).rejects.toThrow(/1 missing \(layer1\.0\.bn1\.bias\)/);
    const ten = await write("timm/mobilenetv2_035", { classes: 10 });
    await expect(loadClassifier("mobilenet_v2_035", ten, { classes: 1000 })).rejects.toThrow(
      /classifier\.1\.weight: expected \[1000, 1280\], got \[10, 1280\]/,
    );
    for (const options of [{}, { classes: 10 }]) {
      const { module: model } = await loadClassifier("mobilenet_v2_035", ten, options);
      expect(model.parameterCount()).toBeLessThan(500_000);
    }
  });

  test("a prefix selects one of two networks in a file", async () => {
    const state = [...createNetwork("lenet5").stateDict()];
    const tensors = ["student.", "teacher."].flatMap((prefix, i) =>
      state.map(([key, { shape, size }]) => ({
        name: prefix + key,
        dtype: "float32" as const,
        shape,
        data: new Float32Array(size).fill(i),
      })),
    );
    const path = join(folder, "distilled.safetensors");
    await writeSafetensors(path, tensors);
    await expect(loadClassifier("lenet5", path)).rejects.toThrow(
      `${path}: lenet5 matches under several prefixes: student. and teacher.; choose one (--strip-prefix)`,
    );
    const { module: model } = await loadClassifier("lenet5", path, { stripPrefix: "teacher." });
    expect(new Set(await values(model.parameters().values().next().value))).toEqual(new Set([1]));
    await expect(loadClassifier("lenet5", path, { stripPrefix: "pupil." })).rejects.toThrow(
      "no key starts with the prefix pupil.; they are student.",
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "%s weights are rejected, naming the tensor",
    async (value) => {
      const [first, second, ...rest] = [...createNetwork("lenet5").stateDict()].map(
        ([name, { shape, size }]) => ({
          name,
          dtype: "float32" as const,
          shape,
          data: new Float32Array(size),
        }),
      );
      if (!first || !second) throw new Error("lenet5 has no parameters");
      second.data[1] = value;
      for (const { data } of rest) data[0] = value;
      const path = join(folder, "diverged.safetensors");
      await writeSafetensors(path, [first, second, ...rest]);
      await expect(loadClassifier("lenet5", path)).rejects.toThrow(
        `cannot load ${path}: ${second.name} [${second.shape.join(", ")}]: expected finite numbers, element 1 is ${value}`,
      );
    },
  );

  test("GoogLeNet without its auxiliary heads leaves them in the file", async () => {
    const file = await write("torchvision/googlenet");
    const { module: model } = await loadClassifier("googlenet", file, { module: createNetwork("googlenet") });
    expect(model.parameterCount()).toBe(6_624_904);
  });

  test("an unknown network", async () => {
    await expect(loadClassifier("resnet51", new Uint8Array())).rejects.toThrow(
      'no network is called "resnet51". Did you mean resnet50',
    );
  });
});
