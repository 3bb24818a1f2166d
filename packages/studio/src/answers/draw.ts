/** Pictures inside answers. */
import {
  crop,
  encodeImage,
  type Image,
  overlayHeat,
  type Planes,
  type Rectangle,
  resizePil,
} from "@tessera-ml/media";

/** Side of a picture that shows what a network saw: enough for a page, whatever the photograph has. */
const SIDE = 448;

/** The picture as a data: URL of a PNG. */
export async function png(image: Image): Promise<string> {
  const bytes = await encodeImage(image, "png");
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return `data:image/png;base64,${btoa(text)}`;
}

/** Map `channel` of [C, H, W] as [1, H, W], without a copy. */
export function channelOf(planes: Planes, channel: number): Float32Array {
  const area = planes.height * planes.width;
  return planes.data.subarray(channel * area, (channel + 1) * area);
}

/** What the network saw of a picture with a map [1, h, w] of 0 to 1 over it. */
export function heatOver(image: Image, seen: Rectangle, heat: Planes): Image {
  return overlayHeat(seenPart(image, seen), heat, { range: [0, 1] });
}

/** The part of a picture that the network saw, its longer side {@link SIDE} pixels. */
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
