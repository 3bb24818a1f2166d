/** TUM RGB-D sequences (Sturm et al. 2012). */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { UNITS } from "../units.ts";
import { type FolderList, type Layout, setOf } from "./set.ts";
import { associate, type Stamped } from "./timestamps.ts";

export const tum: Layout = {
  name: "tum",
  looks: "rgb.txt and depth.txt with lines `timestamp file`",
  deep: false,
  matches: ({ files }) => files.includes("rgb.txt") && files.includes("depth.txt"),
  open: async (list) => {
    const [images, depths] = await Promise.all([readList(list, "rgb.txt"), readList(list, "depth.txt")]);
    const pairs = associate(images, depths);
    if (pairs.length === 0)
      throw new Error(
        `${list.folder}: no image of rgb.txt and depth map of depth.txt are less than 0.02 s apart`,
      );
    return [
      setOf(
        { name: basename(list.folder), layout: "tum", folder: list.folder, protocol: { cap: 10 } },
        pairs.map(({ image, depth }) => ({
          name: image.file.replace(/^.*\/|\.\w+$/g, ""),
          image: image.file,
          depth: depth.file,
          units: UNITS.tum,
        })),
      ),
    ];
  },
};

async function readList({ folder }: FolderList, file: string): Promise<Stamped[]> {
  const path = join(folder, file);
  return (await readFile(path, "utf8"))
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [time, name] = line.split(/[\s,]+/);
      if (name === undefined || !Number.isFinite(Number(time)))
        throw new Error(
          `${path}: expected lines \`timestamp file\`, got ${JSON.stringify(line.slice(0, 60))}`,
        );
      return { time: Number(time), file: name };
    });
}
