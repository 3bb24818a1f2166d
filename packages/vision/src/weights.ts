/** How other libraries name the parameters of our networks. */

import { type KeyOf, type Naming, rules } from "@tessera-ml/kit/networks";
import type { Shape } from "@tessera-ml/tensor";

/** torchvision's Vision Transformer. */
export const vitFromTorchvision: KeyOf = (path) =>
  rules(
    [/^cls_token$/, "class_token"],
    [/^pos_embed$/, "encoder.pos_embedding"],
    [/^patch_embed\.proj\./, "conv_proj."],
    [/^norm\./, "encoder.ln."],
    [/^head\./, "heads.head."],
    [/^blocks\.(\d+)\.norm(\d)\./, "encoder.layers.encoder_layer_$1.ln_$2."],
    [/^blocks\.(\d+)\.attn\.qkv\./, "encoder.layers.encoder_layer_$1.self_attention.in_proj_"],
    [/^blocks\.(\d+)\.attn\.proj\./, "encoder.layers.encoder_layer_$1.self_attention.out_proj."],
    [/^blocks\.(\d+)\.mlp\.fc1\./, "encoder.layers.encoder_layer_$1.mlp.0."],
    [/^blocks\.(\d+)\.mlp\.fc2\./, "encoder.layers.encoder_layer_$1.mlp.3."],
  )(path);

/** timm's ConvNeXt. */
export const convnextFromTimm: KeyOf = (path) =>
  rules(
    [/^downsample_layers\.0\./, "stem."],
    [/^downsample_layers\.(\d)\./, "stages.$1.downsample."],
    [/^stages\.(\d+)\.(\d+)\.dwconv\./, "stages.$1.blocks.$2.conv_dw."],
    [/^stages\.(\d+)\.(\d+)\.pwconv(\d)\./, "stages.$1.blocks.$2.mlp.fc$3."],
    [/^stages\.(\d+)\.(\d+)\.grn\.gamma$/, "stages.$1.blocks.$2.mlp.grn.weight"],
    [/^stages\.(\d+)\.(\d+)\.grn\.beta$/, "stages.$1.blocks.$2.mlp.grn.bias"],
    [/^stages\.(\d+)\.(\d+)\./, "stages.$1.blocks.$2."],
    [/^norm\./, "head.norm."],
    [/^head\./, "head.fc."],
  )(path);

/** torchvision's ConvNeXt: even features are the stem and the downsampling layers, odd ones the stages. */
export const convnextFromTorchvision: KeyOf = (path) => {
  const shrink = /^downsample_layers\.(\d)\./.exec(path);
  if (shrink) return path.replace(shrink[0], `features.${2 * Number(shrink[1])}.`);
  const stage = /^stages\.(\d)\.(\d+)\.(.*)$/.exec(path);
  if (stage) {
    const block = `features.${2 * Number(stage[1]) + 1}.${stage[2]}.`;
    const layer = { dwconv: 0, norm: 2, pwconv1: 3, pwconv2: 5 }[
      (stage[3] as string).split(".")[0] as string
    ];
    return layer === undefined
      ? `${block}layer_scale`
      : `${block}block.${layer}.${(stage[3] as string).split(".")[1]}`;
  }
  return rules([/^norm\./, "classifier.0."], [/^head\./, "classifier.2."])(path);
};

/** torchvision stores layer scale as [C, 1, 1]. */
export const layerScaleShape = (key: string, shape: Shape): Shape =>
  key.endsWith(".layer_scale") ? [...shape, 1, 1] : shape;

/** timm's small ConvNeXt V2 use 1x1 convolutions instead of linear layers; their response norm is flat. */
export const convnextV2TimmShape =
  (convolutions: boolean) =>
  (key: string, shape: Shape): Shape => {
    if (/\.grn\.(weight|bias)$/.test(key)) return [shape.at(-1) as number];
    return convolutions && /\.mlp\.fc\d\.weight$/.test(key) ? [...shape, 1, 1] : shape;
  };

/** Hugging Face's ConvNeXt V1 and V2. */
export const convnextFromHuggingFace =
  (model: "convnext" | "convnextv2"): KeyOf =>
  (path) =>
    rules(
      [/^downsample_layers\.0\.0\./, `${model}.embeddings.patch_embeddings.`],
      [/^downsample_layers\.0\.1\./, `${model}.embeddings.layernorm.`],
      [/^downsample_layers\.(\d)\./, `${model}.encoder.stages.$1.downsampling_layer.`],
      [/^stages\.(\d+)\.(\d+)\.norm\./, `${model}.encoder.stages.$1.layers.$2.layernorm.`],
      [/^stages\.(\d+)\.(\d+)\.gamma$/, `${model}.encoder.stages.$1.layers.$2.layer_scale_parameter`],
      [/^stages\.(\d+)\.(\d+)\.grn\.gamma$/, `${model}.encoder.stages.$1.layers.$2.grn.weight`],
      [/^stages\.(\d+)\.(\d+)\.grn\.beta$/, `${model}.encoder.stages.$1.layers.$2.grn.bias`],
      [/^stages\.(\d+)\.(\d+)\./, `${model}.encoder.stages.$1.layers.$2.`],
      [/^norm\./, `${model}.layernorm.`],
      [/^head\./, "classifier."],
    )(path);

/** torchvision's Vision Transformer in files from before its MLP parameters were renamed. */
export const vitFromOldTorchvision: KeyOf = (path) =>
  vitFromTorchvision(path)
    .replace(/\.mlp\.0\./, ".mlp.linear_1.")
    .replace(/\.mlp\.3\./, ".mlp.linear_2.");

/** Hugging Face's Vision Transformer: query, key and value are separate. */
export const vitFromHuggingFace: Naming = {
  keyOf: rules(
    [/^cls_token$/, "vit.embeddings.cls_token"],
    [/^pos_embed$/, "vit.embeddings.position_embeddings"],
    [/^patch_embed\.proj\./, "vit.embeddings.patch_embeddings.projection."],
    [/^norm\./, "vit.layernorm."],
    [/^head\./, "classifier."],
    [/^blocks\.(\d+)\.norm1\./, "vit.encoder.layer.$1.layernorm_before."],
    [/^blocks\.(\d+)\.norm2\./, "vit.encoder.layer.$1.layernorm_after."],
    [/^blocks\.(\d+)\.attn\.qkv\./, "vit.encoder.layer.$1.attention.attention.qkv."],
    [/^blocks\.(\d+)\.attn\.proj\./, "vit.encoder.layer.$1.attention.output.dense."],
    [/^blocks\.(\d+)\.mlp\.fc1\./, "vit.encoder.layer.$1.intermediate.dense."],
    [/^blocks\.(\d+)\.mlp\.fc2\./, "vit.encoder.layer.$1.output.dense."],
  ),
  partsOf: (key) =>
    key.includes(".attention.qkv.")
      ? ["query", "key", "value"].map((part) => key.replace(".qkv.", `.${part}.`))
      : [key],
};

/** Hugging Face's ResNet. */
export const resnetFromHuggingFace: KeyOf = (path) => {
  const block = /^layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)\.(.*)$/.exec(path);
  if (block) {
    const [, stage, index, kind, number, leaf] = block as unknown as string[];
    const at = `resnet.encoder.stages.${Number(stage) - 1}.layers.${index}`;
    if (kind === "downsample.")
      return `${at}.shortcut.${number === "0" ? "convolution" : "normalization"}.${leaf}`;
    return `${at}.layer.${Number(number) - 1}.${kind === "conv" ? "convolution" : "normalization"}.${leaf}`;
  }
  return rules(
    [/^conv1\./, "resnet.embedder.embedder.convolution."],
    [/^bn1\./, "resnet.embedder.embedder.normalization."],
    [/^fc\./, "classifier.1."],
  )(path);
};

/** timm's older SE-ResNets, from Caffe. */
export const seresnetFromLegacyTimm: KeyOf = rules(
  [/^(conv1|bn1)\./, "layer0.$1."],
  [/\.se\./, ".se_module."],
  [/^fc\./, "last_linear."],
);

/** timm's SENet-154, converted from Gluon: a ResNet with a deep stem. */
export const senet154FromGluon: KeyOf = rules(
  [/^layer0\.conv1\./, "conv1.0."],
  [/^layer0\.bn1\./, "conv1.1."],
  [/^layer0\.conv2\./, "conv1.3."],
  [/^layer0\.bn2\./, "conv1.4."],
  [/^layer0\.conv3\./, "conv1.6."],
  [/^layer0\.bn3\./, "bn1."],
  [/\.se_module\./, ".se."],
  [/^last_linear\./, "fc."],
);

/** The published DenseNet files predate torchvision's current names: `norm.1` for `norm1`. */
export const densenetFromOldTorchvision: KeyOf = rules([/(\.denselayer\d+\.(?:norm|conv))(\d)\./, "$1.$2."]);

/** timm's VGG: the first layers of the classifier are convolutions. */
export const vggFromTimm: Naming = {
  keyOf: rules(
    [/^classifier\.0\./, "pre_logits.fc1."],
    [/^classifier\.3\./, "pre_logits.fc2."],
    [/^classifier\.6\./, "head.fc."],
  ),
  shapeOf: (key, shape) => {
    const [outputs, inputs] = shape as readonly [number, number];
    if (key === "pre_logits.fc1.weight") return [outputs, inputs / 49, 7, 7];
    return key === "pre_logits.fc2.weight" ? [outputs, inputs, 1, 1] : shape;
  },
};

/**
 * The package `efficientnet_lite_pytorch`, which numbers blocks consecutively and a block's norms from 0.
 *
 * @param counts number of blocks per stage
 */
export function efficientnetLiteFromPyTorch(counts: readonly number[]): KeyOf {
  return (path) => {
    const [, stage, block, layer, leaf] = /^blocks\.(\d+)\.(\d+)\.(\w+)\.(.*)$/.exec(path) ?? [];
    if (layer === undefined)
      return path
        .replace(/^conv_(stem|head)\./, "_conv_$1.")
        .replace(/^bn([12])\./, (_, norm) => `_bn${norm - 1}.`)
        .replace(/^classifier\./, "_fc.");
    const first = counts.slice(0, Number(stage)).reduce((a, b) => a + b, 0);
    // The first stage's block has no expansion; its only 1x1 convolution is the last one.
    const theirs =
      stage === "0"
        ? { conv_dw: "_depthwise_conv", bn1: "_bn1", conv_pw: "_project_conv", bn2: "_bn2" }
        : {
            ...{ conv_pw: "_expand_conv", bn1: "_bn0", conv_dw: "_depthwise_conv", bn2: "_bn1" },
            ...{ conv_pwl: "_project_conv", bn3: "_bn2" },
          };
    const name = (theirs as Readonly<Record<string, string>>)[layer];
    return `_blocks.${first + Number(block)}.${name}.${leaf}`;
  };
}

/** timm's MobileNetV2: blocks grouped by stage, layers named by role. */
export const mobilenetV2FromTimm: KeyOf = (path) => {
  const [, index, rest] = /^features\.(\d+)\.(.*)$/.exec(path) ?? [];
  if (index === undefined) return path.replace(/^classifier\.1\./, "classifier.");
  const tail = rest as string;
  if (index === "0") return tail.replace(/^0\./, "conv_stem.").replace(/^1\./, "bn1.");
  if (index === "18") return tail.replace(/^0\./, "conv_head.").replace(/^1\./, "bn2.");
  let [stage, block] = [0, Number(index) - 1];
  for (const count of [1, 2, 3, 4, 3, 3, 1]) {
    if (block < count) break;
    block -= count;
    stage++;
  }
  const at = `blocks.${stage}.${block}.`;
  // The first block has no expansion; timm calls its last convolution `conv_pw`.
  const layers =
    index === "1"
      ? { "conv.0.0.": "conv_dw.", "conv.0.1.": "bn1.", "conv.1.": "conv_pw.", "conv.2.": "bn2." }
      : {
          "conv.0.0.": "conv_pw.",
          "conv.0.1.": "bn1.",
          "conv.1.0.": "conv_dw.",
          "conv.1.1.": "bn2.",
          "conv.2.": "conv_pwl.",
          "conv.3.": "bn3.",
        };
  const [ours, theirs] = Object.entries(layers).find(([layer]) => tail.startsWith(layer)) as [string, string];
  return at + theirs + tail.slice(ours.length);
};

/** timm's Swin: patch merging belongs to the stage that follows it. */
export const swinFromTimm: KeyOf = (path) => {
  const found = /^features\.(\d)\.(.*)$/.exec(path);
  if (!found) return path.replace(/^head\./, "head.fc.");
  const [layer, rest] = [Number(found[1]), found[2] as string];
  if (layer === 0) return `patch_embed.${rest.replace(/^0\./, "proj.").replace(/^2\./, "norm.")}`;
  if (layer % 2 === 0) return `layers.${layer / 2}.downsample.${rest}`;
  const block = rest.replace(".mlp.0.", ".mlp.fc1.").replace(".mlp.3.", ".mlp.fc2.");
  return `layers.${(layer - 1) / 2}.blocks.${block}`;
};
