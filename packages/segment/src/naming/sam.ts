/** The parameter names of Hugging Face's `.safetensors` files of SAM: `facebook/sam-vit-base` and its siblings. */
import type { Naming } from "@tessera-ml/kit/networks";

/** Every replacement that fits a path is made. */
export type Replacements = readonly (readonly [RegExp, string])[];

/** Prompt encoder and mask decoder, also of SAM 2. */
export const DECODER: Replacements = [
  [/\.mask_downscaling\.0\./, ".mask_embed.conv1."],
  [/\.mask_downscaling\.1\./, ".mask_embed.layer_norm1."],
  [/\.mask_downscaling\.3\./, ".mask_embed.conv2."],
  [/\.mask_downscaling\.4\./, ".mask_embed.layer_norm2."],
  [/\.mask_downscaling\.6\./, ".mask_embed.conv3."],
  [/\.output_upscaling\.0\./, ".upscale_conv1."],
  [/\.output_upscaling\.1\./, ".upscale_layer_norm."],
  [/\.output_upscaling\.3\./, ".upscale_conv2."],
  [/(_mlps\.\d|_head)\.layers\.0\./, "$1.proj_in."],
  [/(_mlps\.\d|_head)\.layers\.1\./, "$1.layers.0."],
  [/(_mlps\.\d|_head)\.layers\.2\./, "$1.proj_out."],
];

const REPLACEMENTS: Replacements = [
  [/^image_encoder\.patch_embed\.proj\./, "vision_encoder.patch_embed.projection."],
  [/^image_encoder\.blocks\./, "vision_encoder.layers."],
  [/^image_encoder\.neck\.0\./, "vision_encoder.neck.conv1."],
  [/^image_encoder\.neck\.1\./, "vision_encoder.neck.layer_norm1."],
  [/^image_encoder\.neck\.2\./, "vision_encoder.neck.conv2."],
  [/^image_encoder\.neck\.3\./, "vision_encoder.neck.layer_norm2."],
  [/^image_encoder\./, "vision_encoder."],
  [/\.norm/, ".layer_norm"],
  [
    /^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$/,
    "shared_image_embedding.positional_embedding",
  ],
  [/\.point_embeddings\./, ".point_embed."],
  ...DECODER,
];

/** The Gaussian matrix of positions may be in a file twice; this is the other name. */
export const SECOND_GAUSSIAN = "prompt_encoder.shared_embedding.positional_embedding";

/** The naming that makes all replacements that fit. */
export function replacing(replacements: Replacements): Naming {
  return {
    keyOf: (path) => replacements.reduce((key, [pattern, name]) => key.replace(pattern, name), path),
  };
}

export const samFromHuggingFace: Naming = replacing(REPLACEMENTS);
