/** What a Vision Transformer's class token looks at. */
import { type Planes, toUnitRange } from "@tessera-ml/media";
import { evaluate, fromArray, type Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { VisionError } from "../error.ts";
import { inInference } from "./inference.ts";
import { checkPicture, planesOf } from "./maps.ts";

/** A network that can tell its attention: [N, heads, T, T] of each block, rows that sum to 1. */
interface Attentive {
  attentionMaps(images: Tensor): Tensor[];
}

/** Whether a network has attention maps. */
export function hasAttention(model: Classifier): boolean {
  return typeof (model as Partial<Attentive>).attentionMaps === "function";
}

/** Where a class token's attention goes. Networks without a class token: the mean over all tokens. */
export interface Attention {
  /**
   * For each block, how much the token takes from each patch, [heads, grid, grid]; with what it takes from
   * itself a head's weights sum to 1.
   */
  readonly blocks: readonly Planes[];
  /**
   * Attention through all blocks (Abnar & Zuidema 2020): the product of their weights, mean over the heads,
   * each with half of the token itself for its shortcut. [1, grid, grid], 0 to 1.
   */
  readonly rollout: Planes;
}

/**
 * Attention block by block and through all of them, in one run of the network.
 *
 * @param x [1, C, H, W], as the network reads it
 * @throws VisionError `no-attention`
 */
export async function attention(model: Classifier, x: Tensor): Promise<Attention> {
  const blocks = weights(model, x).map((block) => block.select(0, 0)); // [heads, T, T]
  const maps = blocks.map(ofClassToken);
  const rolled = ofClassToken(rollout(blocks).unsqueeze(0));
  await evaluate(...maps, rolled);
  return {
    blocks: await Promise.all(maps.map(planesOf)),
    rollout: toUnitRange(await planesOf(rolled)),
  };
}

/** Weights of the blocks, [heads, T, T] each → [T, T]. */
function rollout(blocks: readonly Tensor[]): Tensor {
  return blocks
    .map((block) => block.mean(0))
    .map((mean) => mean.add(identity(mean.shape[0] as number)).div(2))
    .reduce((below, block) => block.matmul(below));
}

function weights(model: Classifier, x: Tensor): Tensor[] {
  checkPicture(x);
  if (!hasAttention(model))
    throw new VisionError(
      "no-attention",
      `${model.constructor.name} has no attention maps: only Vision Transformers have`,
    );
  return inInference(model, () => (model as unknown as Attentive).attentionMaps(x));
}

/** [heads, T, T] → [1, heads, grid, grid]. */
function ofClassToken(block: Tensor): Tensor {
  const [heads, tokens] = block.shape as [number, number];
  const grid = Math.floor(Math.sqrt(tokens));
  const extra = tokens - grid ** 2;
  const row = extra > 0 ? block.select(1, 0) : block.mean(1); // [heads, T]
  return row.narrow(1, extra, grid ** 2).reshape([1, heads, grid, grid]);
}

function identity(size: number): Tensor {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * (size + 1)] = 1;
  return fromArray(data, [size, size]);
}
