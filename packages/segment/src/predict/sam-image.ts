/** From pictures to the input of SAM, and from its masks back to the picture, as in the authors' code. */
import {
  crop,
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

/** The size of a picture whose longer side becomes `side`. */
export function resizedSize({ width, height }: Size, side: number): Size {
  const scale = side / Math.max(width, height);
  return { width: Math.floor(width * scale + 0.5), height: Math.floor(height * scale + 0.5) };
}

/**
 * Resizes the longer side with PIL's bilinear filter, normalizes by ImageNet's statistics, and pads with zeros at the right
 * and bottom: [3, side, side].
 */
export function preprocessSam(image: Image, side: number): Planes {
  const resized = resizePil(toRgb(image), resizedSize(image, side), "bilinear");
  const pixels = normalize(toPlanes(resized), IMAGENET_MEAN, IMAGENET_STD);
  return crop(pixels, { left: 0, top: 0, width: side, height: side });
}

/** Low-resolution logits in the size of the picture: bilinearly to the network's input, without padding, then to the picture. */
export function restoreMasks(lowRes: Planes, picture: Size, side: number): Planes {
  const bilinear = { mode: "bilinear" } as const;
  const padded = interpolate(lowRes, { width: side, height: side }, bilinear);
  return interpolate(crop(padded, { left: 0, top: 0, ...resizedSize(picture, side) }), picture, bilinear);
}
