/** The names under which others publish the parameters of our networks. */

import type { Shape } from "@tessera-ml/tensor";

/** A source's key for a path of ours. */
export type KeyOf = (path: string) => string;

/** The shape under which a source keeps a parameter of ours: torchvision's layer scale is [C, 1, 1]. */
export function sourceShape(key: string, shape: Shape): Shape {
  return key.endsWith(".layer_scale") && shape.length === 1 ? [...shape, 1, 1] : shape;
}

export const same: KeyOf = (path) => path;

/** Replaces by the first rule that fits. */
function rules(...list: readonly (readonly [RegExp, string])[]): KeyOf {
  return (path) => {
    const rule = list.find(([pattern]) => pattern.test(path));
    return rule ? path.replace(rule[0], rule[1]) : path;
  };
}

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

/** torchvision's ConvNeXt: stem and shrinking layers are the even features, stages the odd ones. */
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
