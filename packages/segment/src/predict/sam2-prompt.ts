/** Prompts as SAM 2 takes them. */
import { Planes, type Size } from "@tessera-ml/media";
import { LABEL } from "../models/prompt-encoder.ts";
import type { LabelledPoint } from "./batch.ts";
import type { ImagePrompt } from "./prompt.ts";

/** The most that is said about a pixel when an answer is fed back. */
const MOST_CERTAIN = 32;

/** Logits as they are fed back. */
export function clampLogits({ channels, height, width, data }: Planes): Planes {
  return new Planes(
    channels,
    height,
    width,
    data.map((x) => Math.min(Math.max(x, -MOST_CERTAIN), MOST_CERTAIN)),
  );
}

/** Ends every list of points. */
export const NO_POINT: LabelledPoint = [0, 0, LABEL.padding];

/** The corners of a box, then clicks, in pixels of the network's square input. */
export function scaledPoints(
  { points = [], labels = [], box }: Omit<ImagePrompt, "mask">,
  { width, height }: Size,
  side: number,
): LabelledPoint[] {
  // As float32, like the authors: positions are turned into phases of many turns.
  const at = (x: number, y: number, label: number): LabelledPoint => [
    Math.fround(Math.fround(x / width) * side),
    Math.fround(Math.fround(y / height) * side),
    label,
  ];
  const corners = box ? [at(box[0], box[1], LABEL.topLeft), at(box[2], box[3], LABEL.bottomRight)] : [];
  return [...corners, ...points.map(([x, y], i) => at(x, y, labels[i] as number))];
}
