/** What tracking says about a frame. */
import { Planes, type Size } from "@tessera-ml/media";
import { NO_OBJECT } from "../models/sam2/sam2.ts";
import { restoreSquare } from "../predict/sam2-image.ts";
import { withoutOverlap } from "./non-overlap.ts";

/** Whatever the caller calls an object. */
export type ObjectId = number | string;

/** An object on a frame. */
export interface ObjectMask {
  readonly object: ObjectId;
  /** Logits in the size of the frame, [1, H, W]: the object is where they are positive. */
  readonly logits: Planes;
  /** Logits at a quarter of the network's input, [1, side, side]; absent if the object was never looked for on this frame. */
  readonly lowRes: Planes | undefined;
  /** Logit of whether the object is in the picture; ±10 for a mask prompt. -1024 if it was never looked for. */
  readonly score: number;
  /** Estimated IoU of the mask: that of the likeliest guess; 1 for a mask prompt. 0 if it was never looked for. */
  readonly iou: number;
  /** Whether other frames attend to this one because of its prompt. */
  readonly conditioning: boolean;
}

export interface FrameMasks {
  readonly frame: number;
  /** In the order in which they were named. */
  readonly objects: readonly ObjectMask[];
}

export type FoundObject = Omit<ObjectMask, "logits">;

export function resultOf(
  frame: number,
  found: readonly FoundObject[],
  size: Size,
  nonOverlapping: boolean,
): FrameMasks {
  const pixels = size.width * size.height;
  const logits = found.map(({ lowRes }) =>
    lowRes ? restoreSquare(lowRes, size).data : new Float32Array(pixels).fill(NO_OBJECT),
  );
  const apart = nonOverlapping ? withoutOverlap(logits) : logits;
  return {
    frame,
    objects: found.map((object, i) => ({
      ...object,
      logits: new Planes(1, size.height, size.width, apart[i]),
    })),
  };
}
