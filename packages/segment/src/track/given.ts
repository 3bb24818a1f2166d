/** What a person says about an object on a frame, checked and in the network's measure. */
import { Planes, type Size } from "@tessera-ml/media";
import { SegmentError } from "../error.ts";
import type { Mask } from "../mask.ts";
import type { LabelledPoint } from "../predict/batch.ts";
import { type Box, checkPrompt, type Point } from "../predict/prompt.ts";
import { preprocessMask } from "../predict/sam2-image.ts";
import { scaledPoints } from "../predict/sam2-prompt.ts";
import type { Given } from "./states.ts";

export interface PointOptions {
  /** The corners of a box around the object; not with `append`. */
  readonly box?: Box | undefined;
  /** Whether the points join the earlier ones of this object on this frame; default false: they replace them. */
  readonly append?: boolean | undefined;
  /** Whether the last answer on this frame is fed back, to be refined; default true. False to take clicks back. */
  readonly refine?: boolean | undefined;
}

/**
 * Points, and perhaps a box before them, in pixels of the network's input.
 *
 * @param labels 1 for points on the object, 0 for points beside it
 * @param side of the network's input
 * @throws SegmentError `bad-prompt`
 */
export function checkPoints(
  points: readonly Point[],
  labels: readonly (0 | 1)[],
  { box, append = false }: PointOptions,
  size: Size,
  side: number,
): LabelledPoint[] {
  const prompt = { points, labels, ...(box && { box }) };
  checkPrompt(prompt, size, side / 4);
  if (box && append)
    throw new SegmentError("bad-prompt", "box: it starts a prompt, so that it cannot be appended to one");
  return scaledPoints(prompt, size, side);
}

/**
 * A mask at the network's size, [1, side, side].
 *
 * @param anySize whether it may have another size than the frame
 * @throws SegmentError `bad-prompt`
 */
export function checkMask({ width, height, data }: Mask, size: Size, side: number, anySize: boolean): Planes {
  const fits = anySize || (width === size.width && height === size.height);
  if (!fits || data.length !== width * height)
    throw new SegmentError(
      "bad-prompt",
      `mask: expected ${size.width} x ${size.height} pixels like the frame, got ${width} x ${height} (${data.length} values)`,
    );
  const mask = new Planes(
    1,
    height,
    width,
    Float32Array.from(data, (value) => (value ? 1 : 0)),
  );
  return preprocessMask(mask, side);
}

/** Points, which join those said before if that is asked for. */
export function pointsGiven(
  points: readonly LabelledPoint[],
  { append = false, refine = true }: PointOptions,
  earlier: readonly LabelledPoint[] = [],
): Given {
  return { kind: "points", points: [...(append ? earlier : []), ...points], refine };
}
