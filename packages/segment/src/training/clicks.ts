/** Simulated clicks: what a person would say next about a mask (Kirillov et al. 2023, appendix A). */
import { concat, type Tensor } from "@tessera-ml/tensor";
import { type Mask, maskBox } from "../mask.ts";
import { LABEL, type Points } from "../models/prompt-encoder.ts";
import { squaredDistances } from "./distance.ts";

/** A click, in pixels of the mask. */
export interface Click {
  readonly x: number;
  readonly y: number;
  /** Positive where the object was missed, negative where something else was taken for it. */
  readonly label: typeof LABEL.positive | typeof LABEL.negative;
}

/**
 * The click in the middle of the largest error: the pixel farthest from the edge of what was missed, or of what was
 * taken too much. Where nothing is wrong, it is (0, 0), negative. Interactive evaluations click like this.
 *
 * @param prediction of the same size; default nothing
 * @param options.padded whether the borders of the picture are edges, default true
 */
export function centreClick(
  truth: Mask,
  prediction?: Mask,
  { padded = true }: { readonly padded?: boolean } = {},
): Click {
  const found = (i: number) => (prediction?.data[i] ?? 0) !== 0;
  const farthest = (wrong: (wanted: boolean, found: boolean) => boolean) => {
    const data = Uint8Array.from(truth.data, (value, i) => (wrong(value !== 0, found(i)) ? 1 : 0));
    const distances = squaredDistances({ ...truth, data }, { padded });
    let at = 0;
    for (let i = 1; i < distances.length; i++) if (distances[i]! > distances[at]!) at = i;
    return { at, distance: distances[at] ?? 0 };
  };
  const missed = farthest((wanted, found) => wanted && !found);
  const extra = farthest((wanted, found) => !wanted && found);
  const positive = missed.distance > extra.distance;
  const { at } = positive ? missed : extra;
  return {
    x: at % truth.width,
    y: Math.floor(at / truth.width),
    label: positive ? LABEL.positive : LABEL.negative,
  };
}

/**
 * Clicks drawn uniformly from the error region of each mask: positive on pixels that were missed, negative on pixels
 * that were taken too much; where nothing is wrong, negative beside the object. Training clicks like this, in the graph
 * of its step.
 *
 * @param truth 0 or 1, [B, 1, H, W] @param prediction bool in its shape; default nothing
 * @param noise uniform in [0, 1), [B, N, H, W, 2]: for clicks on what is too much, and on what is missed
 */
export function randomClicks(truth: Tensor, prediction: Tensor | undefined, noise: Tensor): Points {
  const [batch, count, height, width] = noise.shape as [number, number, number, number];
  const wanted = truth.greater(0); // [B, 1, H, W]
  const found = prediction ?? wanted.logicalAnd(wanted.logicalNot());
  const missed = wanted.logicalAnd(found.logicalNot());
  const extra = found.logicalAnd(wanted.logicalNot());
  const wrong = missed.logicalOr(extra).astype("float32").max([1, 2, 3], true).greater(0); // [B, 1, 1, 1]
  const negative = extra.logicalOr(wanted.logicalNot().logicalAnd(wrong.logicalNot()));
  const weight = concat([negative.unsqueeze(-1), missed.unsqueeze(-1)], -1).astype("float32");
  const at = noise
    .mul(weight)
    .reshape([batch, count, height * width * 2])
    .argmax(2)
    .astype("int32"); // [B, N]
  const pixel = at.floorDivide(2);
  const ends = [pixel.remainder(width), pixel.floorDivide(width)].map((x) => x.unsqueeze(-1));
  return { coords: concat(ends, -1).astype("float32"), labels: at.remainder(2) };
}

/** Points of two prompts for the same objects, one after the other. */
export function joinPoints(a: Points | undefined, b: Points): Points {
  if (!a) return b;
  return { coords: concat([a.coords, b.coords], 1), labels: concat([a.labels, b.labels], 1) };
}

export interface BoxNoise {
  /** The most that a corner moves, in sides of the box. Default 0.1. */
  readonly share?: number;
  /** The most that it moves, in pixels. Default 20. */
  readonly pixels?: number;
}

/**
 * The corners of the box around a mask, moved at random within the picture; they are the centres of its outermost pixels.
 *
 * @param random numbers in [0, 1): left, top, right, bottom; default: the exact box
 */
export function boxPoints(
  mask: Mask,
  random?: () => number,
  { share = 0.1, pixels = 20 }: BoxNoise = {},
): readonly [left: number, top: number, right: number, bottom: number] {
  const box = maskBox(mask);
  if (!random) return box;
  const most = [box[2] - box[0], box[3] - box[1]].map((side) => Math.min(side * share, pixels));
  const ends = [mask.width - 1, mask.height - 1];
  return box.map((corner, i) => {
    const moved = corner + (2 * random() - 1) * (most[i % 2] as number);
    return Math.min(Math.max(moved, 0), ends[i % 2] as number);
  }) as [number, number, number, number];
}
