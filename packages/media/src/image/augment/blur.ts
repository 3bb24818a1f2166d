/** Gaussian blur. */
import { Image } from "../image.ts";

/**
 * Blurs with a Gaussian of standard deviation `sigma` pixels, cut off at 3 sigma; edges are mirrored. Returns a new
 * image.
 *
 * @throws RangeError if `sigma` is not positive
 */
export function gaussianBlur(image: Image, sigma: number): Image {
  if (!(sigma > 0)) throw new RangeError(`gaussianBlur: expected a positive sigma, got ${sigma}`);
  const { width, height, channels, data } = image;
  const radius = Math.max(1, Math.ceil(3 * sigma));
  const kernel = Float32Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const sum = kernel.reduce((a, b) => a + b);
  const across = new Float32Array(data.length);
  blurLines(data, across, kernel, sum, {
    lines: height,
    length: width,
    channels,
    step: channels,
    stride: width * channels,
  });
  const down = new Float32Array(data.length);
  blurLines(across, down, kernel, sum, {
    lines: width,
    length: height,
    channels,
    step: width * channels,
    stride: channels,
  });
  return new Image(width, height, channels, Uint8Array.from(down, Math.round));
}

/** Convolves every line. `step` is the distance between neighbours, `stride` that between lines. */
function blurLines(
  from: ArrayLike<number>,
  to: Float32Array,
  kernel: Float32Array,
  sum: number,
  {
    lines,
    length,
    channels,
    step,
    stride,
  }: Record<"lines" | "length" | "channels" | "step" | "stride", number>,
): void {
  const radius = kernel.length >> 1;
  // Positions of a mirrored line: … 2 1 0 1 2 …
  const period = Math.max(1, 2 * (length - 1));
  const mirrored = Int32Array.from({ length: length + 2 * radius }, (_, i) => {
    const position = (((i - radius) % period) + period) % period;
    return Math.min(position, period - position);
  });
  for (let line = 0; line < lines; line++)
    for (let c = 0; c < channels; c++) {
      const start = line * stride + c;
      for (let i = 0; i < length; i++) {
        let total = 0;
        for (let k = 0; k < kernel.length; k++) total += kernel[k]! * from[start + mirrored[i + k]! * step]!;
        to[start + i * step] = total / sum;
      }
    }
}
