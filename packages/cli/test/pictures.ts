/** Generated pictures for tests. */
import { writeFile } from "node:fs/promises";
import { encodeImage, Image } from "@tessera-ml/media";

/** A dark upright stroke on white paper: a 1. */
export function one(): Image {
  const image = new Image(60, 80, 3, new Uint8Array(60 * 80 * 3).fill(255));
  for (let y = 12; y < 68; y++)
    for (let x = 27; x < 34; x++) image.data.fill(10, 3 * (60 * y + x), 3 * (60 * y + x) + 3);
  return image;
}

/** A dark ring on white paper: a 0. */
export function zero(): Image {
  const image = new Image(80, 80, 3, new Uint8Array(80 * 80 * 3).fill(255));
  for (let y = 0; y < 80; y++)
    for (let x = 0; x < 80; x++) {
      const radius = Math.hypot((x - 40) * 1.3, y - 40);
      if (radius > 22 && radius < 30) image.data.fill(10, 3 * (80 * y + x), 3 * (80 * y + x) + 3);
    }
  return image;
}

export async function png(image: Image): Promise<Uint8Array> {
  return await encodeImage(image, "png");
}

export async function write(path: string, image: Image): Promise<void> {
  await writeFile(path, await png(image));
}
