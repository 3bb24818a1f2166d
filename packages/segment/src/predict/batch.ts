/** Several prompts as one batch, and the answers to each. */
import { Planes } from "@tessera-ml/media";
import { fromArray, type Tensor } from "@tessera-ml/tensor";
import type { Points } from "../models/prompt-encoder.ts";
import type { Prediction } from "./prompt.ts";

/** In pixels of the network's input. */
export type LabelledPoint = readonly [x: number, y: number, label: number];

/** Lists of equal length as tensors. */
export function pointsOf(lists: readonly (readonly LabelledPoint[])[]): Points {
  const [count, length] = [lists.length, lists[0]?.length ?? 0];
  const flat = lists.flat();
  return {
    coords: fromArray(Float32Array.from(flat.flatMap((point) => point.slice(0, 2))), [count, length, 2]),
    labels: fromArray(
      Int32Array.from(flat, ([, , label]) => label),
      [count, length],
    ),
  };
}

export interface DecodedPrompts {
  /** [B, M, side, side] */
  readonly masks: Tensor;
  /** [B, M] */
  readonly iou: Tensor;
}

/** The prediction for each prompt of a batch. @param restore from the network's logits of one prompt, [M, side, side] */
export async function readPredictions(
  { masks, iou }: DecodedPrompts,
  restore: (lowRes: Planes) => Pick<Prediction, "logits" | "lowRes">,
): Promise<Prediction[]> {
  const [count, each, height, width] = masks.shape as [number, number, number, number];
  const [logits, scores] = [(await masks.data()) as Float32Array, (await iou.data()) as Float32Array];
  const size = each * height * width;
  return Array.from({ length: count }, (_, i) => ({
    ...restore(new Planes(each, height, width, logits.slice(i * size, (i + 1) * size))),
    iou: [...scores.subarray(i * each, (i + 1) * each)],
  }));
}
