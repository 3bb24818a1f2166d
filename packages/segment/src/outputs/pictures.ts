/** Pictures of a result. */
import { type Color, Image, overlayMasks, paletteColor, type Size } from "@tessera-ml/media";
import { type Mask, maskBox } from "../mask.ts";
import { masksOf, type Segmentation, type Style } from "../result.ts";

type Objects = Pick<Segmentation, "image" | "objects">;

/** @param style default: the mask of one object, of several the palette */
export function pictureOf(result: Objects, style: Style = usualStyle(result)): Image {
  return picturedMasks(result.image, masksOf(result), style);
}

export function picturedMasks(image: Image, masks: readonly Mask[], style: Style): Image {
  if (style === "overlay") return overlay(image, masks);
  if (style === "cutout") return cutOut(image, masks);
  return style === "mask" ? together(image, masks) : palette(image, masks);
}

export function usualStyle({ objects }: Pick<Segmentation, "objects">): Style {
  return objects.length > 1 ? "palette" : "mask";
}

/** The photograph with the objects in colours. */
export function overlay(image: Image, masks: readonly Mask[]): Image {
  const layers = masks.map(({ width, height, data }) => new Image(width, height, 1, data));
  return overlayMasks(image, layers, {
    outline: Math.max(1, Math.round(Math.max(image.width, image.height) / 500)),
  });
}

/** White where any object is. */
export function together({ width, height }: Size, masks: readonly Mask[]): Image {
  const out = new Image(width, height, 1);
  for (const { data } of masks) for (const [i, value] of data.entries()) if (value) out.data[i] = 255;
  return out;
}

/** A colour for each object, black for the rest; later objects cover earlier ones. */
export function palette(
  { width, height }: Size,
  masks: readonly Mask[],
  color: (index: number) => Color = paletteColor,
): Image {
  const out = new Image(width, height, 3);
  for (const [index, { data }] of masks.entries()) {
    const tone = color(index);
    for (const [i, value] of data.entries()) if (value) out.data.set(tone, 3 * i);
  }
  return out;
}

/** The objects alone, the rest transparent. @param cropped to the box around them; default false */
export function cutOut(image: Image, masks: readonly Mask[], cropped: boolean = false): Image {
  const all = together(image, masks);
  const box = maskBox({ width: image.width, height: image.height, data: all.data });
  const [left, top, right, bottom] = cropped ? box : [0, 0, image.width - 1, image.height - 1];
  const out = new Image(right - left + 1, bottom - top + 1, 4);
  for (let y = top, to = 0; y <= bottom; y++)
    for (let x = left; x <= right; x++, to++) {
      const from = y * image.width + x;
      if (!all.data[from]) continue;
      out.data.set(image.data.subarray(3 * from, 3 * from + 3), 4 * to);
      out.data[4 * to + 3] = 255;
    }
  return out;
}
