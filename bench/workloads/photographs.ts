/** Synthetic images as JPEG files: only the cost of decoding and resizing matters, not the content. */
import { join } from "node:path";
import { Image, type Size, writeImage } from "@tessera-ml/media";
import { uniform } from "./fill.ts";

/** The typical size of an ImageNet image. */
const [width, height] = [500, 375];

/** Writes `count` JPEG files of waves and noise into `folder`. */
export async function writePhotographs(folder: string, count: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, i) => join(folder, `photograph-${i}.jpg`));
  for (const [i, path] of paths.entries()) await writePhotograph(path, i, { width, height });
  return paths;
}

/** Writes a JPEG file of waves, which the seed chooses, and noise. */
export async function writePhotograph(path: string, seed: number, { width, height }: Size): Promise<void> {
  const noise = uniform(`photograph ${seed}`, width * height * 3, 12);
  const pixels = Uint8Array.from(noise, (value, at) => {
    const [channel, x, y] = [at % 3, Math.floor(at / 3) % width, Math.floor(at / (3 * width))];
    const wave = Math.sin((x * (seed + 2)) / 90 + channel) + Math.cos((y * (seed + 3)) / 70 - 2 * channel);
    return Math.max(0, Math.min(255, 128 + 55 * wave + value));
  });
  await writeImage(path, new Image(width, height, 3, pixels), { quality: 92 });
}
