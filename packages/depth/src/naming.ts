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

/** The maps and fusions of DPT's decoder below a prefix; undefined for other paths. */
function neckKey(path: string, prefix: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  const map = /^layer(\d)_rn\.(.*)$/.exec(rest);
  if (map) return `neck.convs.${Number(map[1]) - 1}.${map[2]}`;
  // They count fusions from coarse to fine.
  const fusion = /^refinenet(\d)\.(.*)$/.exec(rest);
  const leaf = fusion?.[2]
    ?.replace(/^out_conv\./, "projection.")
    .replace(/^resConfUnit(\d)\.conv(\d)\./, "residual_layer$1.convolution$2.");
  return fusion ? `neck.fusion_stage.layers.${4 - Number(fusion[1])}.${leaf}` : undefined;
}

/** `depth-anything/Depth-Anything-V2-Small-hf`, `LiheYoung/depth-anything-small-hf` and their siblings. */
export const depthAnythingFromHuggingFace: Naming = {
  keyOf: (path) => neckKey(path, "depth_head.scratch.") ?? otherKey(path),
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

/** `Intel/dpt-large`. */
export const dptFromHuggingFace: Naming = {
  keyOf: (path) => {
    const reassemble = /^pretrained\.act_postprocess(\d)\.(.*)$/.exec(path);
    if (!reassemble) return neckKey(path, "scratch.") ?? dptKey(path);
    const [index, leaf] = [Number(reassemble[1]) - 1, reassemble[2] as string];
    return leaf.startsWith("0.project.")
      ? leaf.replace("0.project.", `neck.reassemble_stage.readout_projects.${index}.`)
      : `neck.reassemble_stage.layers.${index}.${leaf.replace("3.", "projection.").replace("4.", "resize.")}`;
  },
  partsOf: splitQkv,
};

const DPT_BLOCK = "^pretrained\\.model\\.blocks\\.(\\d+)\\.";
const DPT_LAYER = "dpt.encoder.layer.$1.";
const dptKey = rules(
  [/^pretrained\.model\.cls_token$/, "dpt.embeddings.cls_token"],
  [/^pretrained\.model\.pos_embed$/, "dpt.embeddings.position_embeddings"],
  [/^pretrained\.model\.patch_embed\.proj\./, "dpt.embeddings.patch_embeddings.projection."],
  [/^pretrained\.model\.norm\./, "dpt.layernorm."],
  [new RegExp(`${DPT_BLOCK}attn\\.qkv\\.`), `${DPT_LAYER}attention.attention.qkv.`],
  [new RegExp(`${DPT_BLOCK}attn\\.proj\\.`), `${DPT_LAYER}attention.output.dense.`],
  [new RegExp(`${DPT_BLOCK}norm1\\.`), `${DPT_LAYER}layernorm_before.`],
  [new RegExp(`${DPT_BLOCK}norm2\\.`), `${DPT_LAYER}layernorm_after.`],
  [new RegExp(`${DPT_BLOCK}mlp\\.fc1\\.`), `${DPT_LAYER}intermediate.dense.`],
  [new RegExp(`${DPT_BLOCK}mlp\\.fc2\\.`), `${DPT_LAYER}output.dense.`],
  [/^scratch\.output_conv\./, "head.head."],
);
