/** Synthetic images as JPEG files: only the cost of decoding and resizing matters, not the content. */
import { join } from "node:path";
import { Image, writeImage } from "@tessera-ml/media";
import { uniform } from "./fill.ts";

/** The typical size of an ImageNet image. */
const [width, height] = [500, 375];

/** Writes `count` JPEG files of waves and noise into `folder`. */
export async function writePhotographs(folder: string, count: number): Promise<string[]> {
  const paths: string[] = [];
  for (let i = 0; i < count; i++) {
    const noise = uniform(`photograph ${i}`, width * height * 3, 12);
    const pixels = Uint8Array.from(noise, (value, at) => {
      const [channel, x, y] = [at % 3, Math.floor(at / 3) % width, Math.floor(at / (3 * width))];
      const wave = Math.sin((x * (i + 2)) / 90 + channel) + Math.cos((y * (i + 3)) / 70 - 2 * channel);
      return Math.max(0, Math.min(255, 128 + 55 * wave + value));
    });
    const path = join(folder, `photograph-${i}.jpg`);
    await writeImage(path, new Image(width, height, 3, pixels), { quality: 92 });
    paths.push(path);
  }
  return paths;
}
