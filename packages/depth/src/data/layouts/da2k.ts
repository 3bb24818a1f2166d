/** DA-2K (Depth Anything V2, section 6): pairs of points of which one is nearer. Node only. */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type OrderedPair, readDA2K } from "../../metrics.ts";
import type { FolderList } from "./set.ts";

export interface OrderedImage {
  /** As in the annotations: `images/indoor/….jpg`. */
  readonly name: string;
  /** Name of the folder of the image: `indoor`. */
  readonly scene: string;
  readonly path: string;
  readonly pairs: readonly OrderedPair[];
}

/** Images with the order of pairs of points, instead of depth. */
export interface OrderSet {
  readonly name: string;
  readonly folder: string;
  readonly images: readonly OrderedImage[];
}

export const DA2K_LOOKS = "annotations.json: image → [{point1, point2, closer_point}], and its images";

export function isDA2K({ files }: FolderList): boolean {
  return files.includes("annotations.json") && files.some((file) => /\.(jpe?g|png)$/i.test(file));
}

/** @throws Error naming the file if it is damaged or of another form */
export async function openDA2K({ folder }: FolderList): Promise<OrderSet> {
  const path = join(folder, "annotations.json");
  const text = await readFile(path, "utf8");
  const annotations = await Promise.try(() => readDA2K(JSON.parse(text))).catch((error: Error) => {
    throw new Error(`${path}: ${error.message}`, { cause: error });
  });
  const images = [...annotations].map(([name, pairs]) => ({
    ...{ name, path: join(folder, name), pairs },
    scene: name.split("/").at(-2) ?? "",
  }));
  return { name: basename(folder), folder, images };
}
