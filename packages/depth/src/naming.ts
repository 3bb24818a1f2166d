/** The parameter names of Hugging Face's `.safetensors` files. */
import { type Naming, rules } from "@tessera-ml/kit/networks";

/** Rules for DINOv2 with prefixes on both sides. */
function dinov2Rules(ours: string, theirs: string): (readonly [RegExp, string])[] {
  const at = (path: string) => new RegExp(`^${RegExp.escape(ours)}${path}`);
  const block = "blocks\\.(\\d+)\\.";
  const layer = `${theirs}encoder.layer.$1.`;
  return [
    [at("(cls_token|mask_token|register_tokens)$"), `${theirs}embeddings.$1`],
    [at("pos_embed$"), `${theirs}embeddings.position_embeddings`],
    [at("patch_embed\\.proj\\."), `${theirs}embeddings.patch_embeddings.projection.`],
    [at("norm\\."), `${theirs}layernorm.`],
    [at(`${block}attn\\.qkv\\.`), `${layer}attention.attention.qkv.`],
    [at(`${block}attn\\.proj\\.`), `${layer}attention.output.dense.`],
    [at(`${block}ls(\\d)\\.gamma$`), `${layer}layer_scale$2.lambda1`],
    [at(`${block}mlp\\.w12\\.`), `${layer}mlp.weights_in.`],
    [at(`${block}mlp\\.w3\\.`), `${layer}mlp.weights_out.`],
    [at(block), layer],
  ];
}

/** Queries, keys and values are three tensors. */
function splitQkv(key: string): readonly string[] {
  if (!key.includes(".attention.qkv.")) return [key];
  return ["query", "key", "value"].map((part) => key.replace(".qkv.", `.${part}.`));
}

/** `facebook/dinov2-small` and its siblings, with and without registers. */
export const dinov2FromHuggingFace: Naming = { keyOf: rules(...dinov2Rules("", "")), partsOf: splitQkv };

/** `depth-anything/Depth-Anything-V2-Small-hf`, `LiheYoung/depth-anything-small-hf` and their siblings. */
export const depthAnythingFromHuggingFace: Naming = {
  keyOf: (path) => {
    // They count fusions from coarse to fine.
    const fusion = /^depth_head\.scratch\.refinenet(\d)\.(.*)$/.exec(path);
    if (fusion) {
      const [, number, rest] = fusion as unknown as [string, string, string];
      const leaf = rest
        .replace(/^out_conv\./, "projection.")
        .replace(/^resConfUnit(\d)\.conv(\d)\./, "residual_layer$1.convolution$2.");
      return `neck.fusion_stage.layers.${4 - Number(number)}.${leaf}`;
    }
    const map = /^depth_head\.scratch\.layer(\d)_rn\.(.*)$/.exec(path);
    return map ? `neck.convs.${Number(map[1]) - 1}.${map[2]}` : otherKey(path);
  },
  partsOf: splitQkv,
};

const otherKey = rules(
  ...dinov2Rules("pretrained.", "backbone."),
  [/^depth_head\.projects\.(\d)\./, "neck.reassemble_stage.layers.$1.projection."],
  [/^depth_head\.resize_layers\.(\d)\./, "neck.reassemble_stage.layers.$1.resize."],
  [/^depth_head\.scratch\.output_conv1\./, "head.conv1."],
  [/^depth_head\.scratch\.output_conv2\.0\./, "head.conv2."],
  [/^depth_head\.scratch\.output_conv2\.2\./, "head.conv3."],
);

/** `depth-anything/DA3MONO-LARGE` and `depth-anything/DA3METRIC-LARGE`. */
export const depthAnything3FromHuggingFace: Naming = { keyOf: (path) => `model.${path}` };
