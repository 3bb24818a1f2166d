/** What a person says about an object in a picture: clicks, a box, a mask. */
import type { Planes, Size } from "@tessera-ml/media";
import { SegmentError } from "../error.ts";

export type Point = readonly [x: number, y: number];
/** Corners, inclusive. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

export interface ImagePrompt {
  /** In pixels of the picture. */
  readonly points?: readonly Point[];
  /** Whether each point is on the object (1) or beside it (0). */
  readonly labels?: readonly (0 | 1)[];
  readonly box?: Box;
  /** Logits at a quarter of the network's input, [1, side, side]: those of the last answer, to refine it. */
  readonly mask?: Planes;
}

/**
 * @param side of mask prompts
 * @throws SegmentError `bad-prompt` naming the value
 */
export function checkPrompt(
  { points = [], labels = [], box, mask }: ImagePrompt,
  picture: Size,
  side: number,
): void {
  const fail = (message: string): never => {
    throw new SegmentError("bad-prompt", message);
  };
  const inside = (what: string, [x, y]: Point) => {
    if (!(x >= 0 && x <= picture.width && y >= 0 && y <= picture.height))
      fail(`${what}: expected x from 0 to ${picture.width}, y from 0 to ${picture.height}, got ${x}, ${y}`);
  };
  if (points.length === 0 && !box && !mask)
    fail("prompt: expected points, a box or a mask, got none of them");
  if (points.length !== labels.length)
    fail(`labels: expected one for each of ${points.length} points, got ${labels.length}`);
  points.forEach((point, i) => {
    inside(`points[${i}]`, point);
  });
  labels.forEach((label, i) => {
    if (label !== 0 && label !== 1) fail(`labels[${i}]: expected 0 or 1, got ${label}`);
  });
  if (box) {
    const [left, top, right, bottom] = box;
    inside("box", [left, top]);
    inside("box", [right, bottom]);
    if (left >= right || top >= bottom)
      fail(
        `box: expected left, top, right, bottom with left < right and top < bottom, got ${box.join(", ")}`,
      );
  }
  if (mask && mask.shape.join() !== [1, side, side].join())
    fail(`mask: expected [1, ${side}, ${side}], got [${mask.shape.join(", ")}]`);
}

/** What a predictor says about an object. */
export interface Prediction {
  /** Logits in the size of the picture, [masks, H, W]: the object is where they are positive. */
  readonly logits: Planes;
  /** Logits at a quarter of the network's input, [masks, side, side]: a mask prompt for the next question. */
  readonly lowRes: Planes;
  /** Estimated IoU of each mask. */
  readonly iou: readonly number[];
}
