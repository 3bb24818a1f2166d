/** Turns frames upright: phones store them as the sensor has them. */
import { Image } from "../image/image.ts";

/** @param degrees clockwise, a multiple of 90 */
export function rotate(image: Image, degrees: number): Image {
  const turns = (((degrees / 90) % 4) + 4) % 4;
  if (turns === 0) return image;
  const { width, height, channels, data } = image;
  const out = turns === 2 ? new Image(width, height, channels) : new Image(height, width, channels);
  for (let y = 0, from = 0; y < height; y++)
    for (let x = 0; x < width; x++, from += channels) {
      const [column, row] =
        turns === 1
          ? [height - 1 - y, x]
          : turns === 2
            ? [width - 1 - x, height - 1 - y]
            : [y, width - 1 - x];
      const to = channels * (row * out.width + column);
      for (let c = 0; c < channels; c++) out.data[to + c] = data[from + c]!;
    }
  return out;
}
