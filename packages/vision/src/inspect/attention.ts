/** What a Vision Transformer's class token looks at. */
import { Planes, toUnitRange } from "@tessera-ml/media";
import { fromArray, type Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { VisionError } from "../error.ts";
import { inInference } from "./inference.ts";
import { checkPicture } from "./maps.ts";

/** A network that can tell its attention: [N, heads, T, T] of each block, rows that sum to 1. */
interface Attentive {
  attentionMaps(images: Tensor): Tensor[];
}

/** Whether a network has attention maps. */
export function hasAttention(model: Classifier): boolean {
  return typeof (model as Partial<Attentive>).attentionMaps === "function";
}

/**
 * For each block, how much the class token takes from each patch, [heads, grid, grid]; with what it takes
 * from itself a head's weights sum to 1. Networks without a class token: the mean over all tokens.
 *
 * @param x [1, C, H, W], as the network reads it
 * @throws VisionError `no-attention`
 */
export async function attentionMaps(model: Classifier, x: Tensor): Promise<Planes[]> {
  const maps = weights(model, x).map((block) => ofClassToken(block.select(0, 0)));
  return await Promise.all(
    maps.map(async (map) => {
      const [heads, height, width] = map.shape as [number, number, number];
      return new Planes(heads, height, width, Float32Array.from(await map.data(), Number));
    }),
  );
}

/**
 * Attention through all blocks (Abnar & Zuidema 2020): the product of their weights, mean over the heads,
 * each with half of the token itself for its shortcut. [1, grid, grid], 0 to 1.
 *
 * @param x [1, C, H, W], as the network reads it
 */
export async function attentionRollout(model: Classifier, x: Tensor): Promise<Planes> {
  const rolled = weights(model, x)
    .map((block) => block.select(0, 0).mean(0)) // [T, T]
    .map((mean) => mean.add(identity(mean.shape[0] as number)).div(2))
    .reduce((below, block) => block.matmul(below));
  const map = ofClassToken(rolled.unsqueeze(0));
  const [, height, width] = map.shape as [number, number, number];
  return toUnitRange(new Planes(1, height, width, Float32Array.from(await map.data(), Number)));
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

/** [heads, T, T] → [heads, grid, grid]. */
function ofClassToken(block: Tensor): Tensor {
  const [heads, tokens] = block.shape as [number, number];
  const grid = Math.floor(Math.sqrt(tokens));
  const extra = tokens - grid ** 2;
  const row = extra > 0 ? block.select(1, 0) : block.mean(1); // [heads, T]
  return row.narrow(1, extra, grid ** 2).reshape([heads, grid, grid]);
}

function identity(size: number): Tensor {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * (size + 1)] = 1;
  return fromArray(data, [size, size]);
}
