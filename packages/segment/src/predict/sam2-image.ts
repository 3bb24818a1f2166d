/** From pictures and frames to the input of SAM 2, and from its masks back, as in the authors' code. */
import {
  IMAGENET_MEAN,
  IMAGENET_STD,
  type Image,
  interpolate,
  normalize,
  type Planes,
  resizePil,
  type Size,
  toPlanes,
  toRgb,
} from "@tessera-ml/media";

const square = (side: number): Size => ({ width: side, height: side });

/** Stretches a picture to a square with an antialiased bilinear filter on floats, normalized: [3, side, side]. */
export function preprocessSam2(image: Image, side: number): Planes {
  const resized = interpolate(toPlanes(toRgb(image)), square(side), { mode: "bilinear", antialias: true });
  return normalize(resized, IMAGENET_MEAN, IMAGENET_STD);
}

/** Stretches a frame of a video to a square with PIL's bicubic filter on bytes, normalized: [3, side, side]. */
export function preprocessFrame(frame: Image, side: number): Planes {
  return normalize(toPlanes(resizePil(toRgb(frame), square(side), "bicubic")), IMAGENET_MEAN, IMAGENET_STD);
}

/** A mask, [1, h, w] of 0 and 1, at the network's size. Details of less than about half a pixel vanish. */
export function preprocessMask(mask: Planes, side: number): Planes {
  if (mask.width === side && mask.height === side) return mask;
  const resized = interpolate(mask, square(side), { mode: "bilinear", antialias: true });
  for (const [i, value] of resized.data.entries()) resized.data[i] = value >= 0.5 ? 1 : 0;
  return resized;
}

/** Logits in the size of the picture: bilinear. */
export function restoreSquare(lowRes: Planes, { width, height }: Size): Planes {
  return interpolate(lowRes, { width, height }, { mode: "bilinear" });
}
