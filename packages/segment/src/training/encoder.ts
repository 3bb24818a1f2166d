/** Encoders that come trained. */
import { loadNetwork } from "@tessera-ml/kit/networks";
import { Embedding, type Linear, openCheckpoint } from "@tessera-ml/nn";
import { evaluate, fromArray, type Tensor } from "@tessera-ml/tensor";
import { networks as classifiers } from "@tessera-ml/vision";
import { type EfficientNetLite, LiteEncoder } from "@tessera-ml/vision/models";
import type { Sam2 } from "../models/sam2/sam2.ts";
import { CrossAttention } from "../models/two-way-transformer.ts";

/**
 * Fills the trunk of `sam2_lite` from a classifier: EfficientNet-Lite0, with the names of timm or of
 * `efficientnet_lite_pytorch`.
 *
 * @throws CheckpointError if the file is of another network
 */
export async function loadTrunk(model: Sam2, file: string): Promise<void> {
  const checkpoint = await openCheckpoint(file);
  try {
    const { module } = await loadNetwork(classifiers, "tf_efficientnet_lite0", checkpoint);
    await liteTrunk(model).load(new LiteEncoder(module as EfficientNetLite).stateDict());
  } finally {
    await checkpoint.close();
  }
}

/** @throws Error if the network has another trunk */
export function liteTrunk(model: Sam2): LiteEncoder {
  const { trunk } = model.image_encoder;
  if (!(trunk instanceof LiteEncoder))
    throw new Error(`${trunk.constructor.name}: expected the trunk of sam2_lite to train`);
  return trunk;
}

/** The score of objects before anything is learned: they are there. A mask of an absent object has nothing to learn. */
const PRESENT = 3;

/** How much larger queries and keys of places start than other projections. */
const SHARPNESS = 2.5;
/** How much smaller learned vectors start than the encodings of places that they are added to. */
const FAINT = 0.3;

/**
 * Prepares a new network for learning. Maps of the encoder get a deviation of about 1 (as in All You Need Is a Good Init,
 * Mishkin & Matas 2016), objects are taken to be in the picture, and between tokens and the picture queries and keys
 * start with the same projection, so that a click attends to where it is, instead of having to learn what a place is.
 *
 * @param images preprocessed, [B, 3, side, side]
 */
export async function startFrom(model: Sam2, images: Tensor): Promise<void> {
  const { trunk, neck } = model.image_encoder;
  const modes = trunk.training;
  trunk.eval();
  const maps = neck.forward(trunk.forward(images));
  trunk.train(modes);
  const last = maps.length - 1;
  // Of the map of stride 16, to which the coarser one is added, both are made smaller.
  const scales = maps.map((map) => map.square().mean().sqrt());
  for (const [i, scale] of scales.entries()) {
    const { conv } = neck.convs[last - i]!;
    conv.weight.assign(conv.weight.div(scale));
  }
  const score = model.sam_mask_decoder.pred_obj_score_head?.layers.at(-1) as Linear;
  score.bias?.assign(fromArray(Float32Array.of(PRESENT), [1]));
  // Details of the encoder would drown what the prompt says.
  for (const conv of [model.sam_mask_decoder.conv_s0, model.sam_mask_decoder.conv_s1])
    conv?.weight.assign(conv.weight.mul(FAINT));
  for (const module of model.sam_mask_decoder.transformer.namedModules().values()) {
    if (!(module instanceof CrossAttention)) continue;
    const { weight } = module.q_proj;
    weight.assign(weight.mul(SHARPNESS));
    module.k_proj.weight.assign(weight);
  }
  for (const module of [model.sam_mask_decoder, model.sam_prompt_encoder])
    for (const inner of module.namedModules().values())
      if (inner instanceof Embedding) inner.weight.assign(inner.weight.mul(FAINT));
  await evaluate(...model.parameters().values());
}
