/** Attention maps of a Vision Transformer's class token. */
import { type Planes, toUnitRange } from "@tessera-ml/media";
import { attentionMaps, attentionRollout, tokenGrid } from "@tessera-ml/nn/inspect";
import { evaluate, type Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { VisionError } from "../error.ts";
import { VisionTransformer } from "../models/vit.ts";
import { checkPicture, planesOf } from "./maps.ts";

/** Whether a network has global self-attention. */
export function hasAttention(model: Classifier): boolean {
  return model instanceof VisionTransformer;
}

/** Attention of the class token; the mean over all tokens for networks without one. */
export interface Attention {
  /**
   * Per block, the class token's attention to each patch, [heads, rows, columns]. Together with its attention
   * to itself, a head's weights sum to 1.
   */
  readonly blocks: readonly Planes[];
  /** Attention rollout through all blocks (Abnar & Zuidema 2020), [1, rows, columns], 0 to 1. */
  readonly rollout: Planes;
}

/**
 * Attention per block and rolled out over all blocks, in one forward pass.
 *
 * @param x [1, C, H, W], preprocessed
 * @throws VisionError `no-attention`
 */
export async function attention(model: Classifier, x: Tensor): Promise<Attention> {
  checkPicture(x);
  if (!hasAttention(model))
    throw new VisionError(
      "no-attention",
      `${model.constructor.name} has no attention maps: only Vision Transformers have`,
    );
  const blocks = attentionMaps(model, () => model.forward(x)).map(({ weights }) => weights); // [1, heads, T, T]
  const maps = blocks.map((block) => ofClassToken(block, x));
  const rolled = ofClassToken(attentionRollout(blocks).unsqueeze(1), x);
  await evaluate(...maps, rolled);
  return {
    blocks: await Promise.all(maps.map(planesOf)),
    rollout: toUnitRange(await planesOf(rolled)),
  };
}

/** [1, heads, T, T] → [1, heads, rows, columns]. */
function ofClassToken(block: Tensor, x: Tensor): Tensor {
  const [, heads, tokens] = block.shape as [number, number, number];
  const [rows, columns] = tokenGrid(tokens, x.shape[2] as number, x.shape[3] as number);
  const extra = tokens - rows * columns;
  const row = extra > 0 ? block.select(2, 0) : block.mean(2); // [1, heads, T]
  return row.narrow(2, extra, rows * columns).reshape([1, heads, rows, columns]);
}
