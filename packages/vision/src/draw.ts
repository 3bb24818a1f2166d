/** Renders what a network saw in an image. */
import { crop, type Image, overlayHeat, type Planes, type Rectangle, resizePil } from "@tessera-ml/media";

/** Longer side of a rendering: enough for a page, however large the photograph. */
const SIDE = 448;

/** Channel `channel` of [C, H, W] as [1, H, W], without a copy. */
export function channelOf(planes: Planes, channel: number): Float32Array {
  const area = planes.height * planes.width;
  return planes.data.subarray(channel * area, (channel + 1) * area);
}

/** The part of an image that a network saw, overlaid with a map [1, h, w] of values from 0 to 1. */
export function heatOver(image: Image, seen: Rectangle, heat: Planes): Image {
  return overlayHeat(seenPart(image, seen), heat, { range: [0, 1] });
}

/** The part of an image that the network saw, its longer side {@link SIDE} pixels. */
function seenPart(image: Image, { left, top, width, height }: Rectangle): Image {
  const whole = (length: number) => Math.max(1, Math.round(length));
  const part = crop(image, {
    left: Math.round(left),
    top: Math.round(top),
    width: whole(width),
    height: whole(height),
  });
  const scale = SIDE / Math.max(part.width, part.height);
  const size = { width: whole(part.width * scale), height: whole(part.height * scale) };
  return resizePil(part, size, scale > 3 ? "nearest" : "bicubic");
}
