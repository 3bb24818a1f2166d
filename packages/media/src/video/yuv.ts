/** Between RGB and the YUV of video (ITU-T H.273), whose colours have half of the resolution: 4:2:0. */
import { Image, toByte } from "../image/image.ts";

export interface YuvColors {
  readonly matrix: "bt601" | "bt709" | "bt2020";
  /** Levels from 0 to 255 rather than 16 to 235 (luma) and 16 to 240 (colours). */
  readonly fullRange: boolean;
}

/** What we write, and what most files are. */
export const BT709: YuvColors = { matrix: "bt709", fullRange: false };

/** The weights of red and blue in luma. */
const WEIGHTS = { bt601: [0.299, 0.114], bt709: [0.2126, 0.0722], bt2020: [0.2627, 0.0593] } as const;

const half = (side: number) => (side + 1) >> 1;

/** Bytes of an I420 frame: a plane of luma and two smaller ones of colour. */
export function i420Length(width: number, height: number): number {
  return width * height + 2 * half(width) * half(height);
}

/**
 * RGB from I420, or from NV12 (`interleaved`), whose colours are in one plane. The colour of a pixel is that of its
 * square of four.
 *
 * @param data at least {@link i420Length} bytes, rows without padding
 */
export function fromYuv(
  data: Uint8Array,
  width: number,
  height: number,
  { matrix, fullRange }: YuvColors,
  interleaved = false,
): Image {
  const [red, blue] = WEIGHTS[matrix];
  const green = 1 - red - blue;
  const [floor, lumaScale, colorScale] = fullRange ? [0, 1, 1] : [16, 255 / 219, 255 / 224];
  const [toRed, toBlue] = [2 * (1 - red) * colorScale, 2 * (1 - blue) * colorScale];
  const [greenOfBlue, greenOfRed] = [(-toBlue * blue) / green, (-toRed * red) / green];
  const [columns, rows] = [half(width), half(height)];
  const u0 = width * height;
  const v0 = interleaved ? u0 + 1 : u0 + columns * rows;
  const step = interleaved ? 2 : 1;
  const out = new Uint8ClampedArray(3 * width * height); // rounds to even and clamps
  for (let y = 0, i = 0, to = 0; y < height; y++) {
    const row = (y >> 1) * columns;
    for (let x = 0; x < width; x++, i++, to += 3) {
      const at = step * (row + (x >> 1));
      const luma = (data[i]! - floor) * lumaScale;
      const [u, v] = [data[u0 + at]! - 128, data[v0 + at]! - 128];
      out[to] = luma + toRed * v;
      out[to + 1] = luma + greenOfBlue * u + greenOfRed * v;
      out[to + 2] = luma + toBlue * u;
    }
  }
  return new Image(width, height, 3, new Uint8Array(out.buffer));
}

/** I420 from RGB, with the colours of {@link BT709}. The color of a square of four pixels is their mean. */
export function toI420({ width, height, data }: Image): Uint8Array<ArrayBuffer> {
  const [red, blue] = WEIGHTS.bt709;
  const green = 1 - red - blue;
  const [columns, rows] = [half(width), half(height)];
  const out = new Uint8Array(i420Length(width, height));
  for (let i = 0, from = 0; i < width * height; i++, from += 3) {
    const luma = red * data[from]! + green * data[from + 1]! + blue * data[from + 2]!;
    out[i] = toByte(16 + luma * (219 / 255));
  }
  const [u0, v0] = [width * height, width * height + columns * rows];
  for (let r = 0, at = 0; r < rows; r++)
    for (let c = 0; c < columns; c++, at++) {
      const [right, below] = [2 * c + 1 < width ? 3 : 0, 2 * r + 1 < height ? 3 * width : 0];
      const from = 3 * (2 * r * width + 2 * c);
      const mean = (k: number) =>
        (data[from + k]! +
          data[from + k + right]! +
          data[from + k + below]! +
          data[from + k + right + below]!) /
        4;
      const [meanRed, meanBlue] = [mean(0), mean(2)];
      const luma = red * meanRed + green * mean(1) + blue * meanBlue;
      out[u0 + at] = toByte(128 + ((meanBlue - luma) * (224 / 255)) / (2 * (1 - blue)));
      out[v0 + at] = toByte(128 + ((meanRed - luma) * (224 / 255)) / (2 * (1 - red)));
    }
  return out;
}
