/** The parameter names of Hugging Face's `.safetensors` files of SAM 2: `facebook/sam2.1-hiera-tiny` and its siblings. */
import type { Naming } from "@tessera-ml/kit/networks";
import { DECODER, replacing } from "./sam.ts";

/** They hold the embeddings of the kinds of points in one tensor. */
export const sam2FromHuggingFace: Naming = replacing([
  [/^image_encoder\.trunk\./, "vision_encoder.backbone."],
  [/^image_encoder\.neck\.convs\.(\d)\.conv\./, "vision_encoder.neck.convs.$1."],
  [/\.patch_embed\.proj\./, ".patch_embed.projection."],
  [/(blocks\.\d+\.mlp|transformer\.layers\.\d\.mlp)\.layers\.0\./, "$1.proj_in."],
  [/(blocks\.\d+\.mlp|transformer\.layers\.\d\.mlp)\.layers\.1\./, "$1.proj_out."],
  [/^sam_/, ""],
  [
    /^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$/,
    "shared_image_embedding.positional_embedding",
  ],
  [/\.point_embeddings\./, ".point_embed."],
  [/^memory_encoder\.out_proj\./, "memory_encoder.projection."],
  [/^memory_encoder\.pix_feat_proj\./, "memory_encoder.feature_projection."],
  [/^memory_encoder\.fuser\./, "memory_encoder.memory_fuser."],
  [/\.mask_downsampler\.encoder\.12\./, ".mask_downsampler.final_conv."],
  [/\.dwconv\./, ".depthwise_conv."],
  [/\.pwconv(\d)\./, ".pointwise_conv$1."],
  [/\.gamma$/, ".scale"],
  [/\.out_proj\./, ".o_proj."],
  [/^obj_ptr_proj\.layers\.0\./, "object_pointer_proj.proj_in."],
  [/^obj_ptr_proj\.layers\.1\./, "object_pointer_proj.layers.0."],
  [/^obj_ptr_proj\.layers\.2\./, "object_pointer_proj.proj_out."],
  [/^obj_ptr_tpos_proj\./, "temporal_positional_encoding_projection_layer."],
  [/^maskmem_tpos_enc$/, "memory_temporal_positional_encoding"],
  [/^no_mem_embed$/, "no_memory_embedding"],
  [/^no_mem_pos_enc$/, "no_memory_positional_encoding"],
  [/^no_obj_ptr$/, "no_object_pointer"],
  [/^no_obj_embed_spatial$/, "occlusion_spatial_embedding_parameter"],
  // The convolution and the norm of each step.
  ...[0, 1, 2, 3].flatMap((i): [RegExp, string][] => [
    [new RegExp(`mask_downsampler\\.encoder\\.${3 * i}\\.`), `mask_downsampler.layers.${i}.conv.`],
    [new RegExp(`mask_downsampler\\.encoder\\.${3 * i + 1}\\.`), `mask_downsampler.layers.${i}.layer_norm.`],
  ]),
  [/\.norm/, ".layer_norm"],
  ...DECODER,
]);
