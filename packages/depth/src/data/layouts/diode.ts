/** DIODE (Vasiljevic et al. 2019): depth in metres and masks of a laser scanner. */
import { join } from "node:path";
import type { Planes } from "@tessera-ml/media";
import { readMap } from "../maps.ts";
import { byKey, type Layout, pairByKey, setOf } from "./set.ts";

const IMAGE = /^(.+)\.(?:png|jpe?g)$/i;
const DEPTH = /^(.+)_depth\.npy$/;

/** The scanner measures from 0.6 m to 350 m; published results indoors count up to 10 m. */
const PARTS = [
  { name: "diode indoors", cap: 10, has: (key: string) => !/outdoors/.test(key) },
  { name: "diode outdoors", cap: 350, has: (key: string) => /outdoors/.test(key) },
];

export const diode: Layout = {
  name: "diode",
  looks: "*.png, *_depth.npy and *_depth_mask.npy",
  deep: true,
  matches: ({ files }) => files.some((file) => file.endsWith("_depth_mask.npy")),
  open: async (list) => {
    const present = new Set(list.files);
    const entries = pairByKey(
      list,
      byKey(list, IMAGE, (key = "") => key),
      byKey(list, DEPTH, (key = "") => key),
      (name, image, depth) => {
        const mask = `${name}_depth_mask.npy`;
        return {
          ...{ name, image, depth, units: { kind: "depth", unit: 1 } },
          finish: (map) => masked(map, join(list.folder, mask), present.has(mask)),
        };
      },
      true,
    );
    return PARTS.map(({ name, cap, has }) =>
      setOf(
        { name, layout: "diode", folder: list.folder, protocol: { min: 0.6, cap } },
        entries.filter((entry) => has(entry.name)),
      ),
    ).filter(({ pairs }) => pairs.length > 0);
  },
};

async function masked(map: Planes, path: string, isThere: boolean): Promise<Planes> {
  if (!isThere) throw new Error(`${path}: no such file: the mask of a depth map is missing`);
  const mask = await readMap(path, 1);
  if (mask.width !== map.width || mask.height !== map.height)
    throw new Error(
      `${path}: expected ${map.width} x ${map.height} pixels like its depth map, got ${mask.width} x ${mask.height}`,
    );
  for (const [i, one] of mask.data.entries()) if (!(one > 0)) map.data[i] = 0;
  return map;
}
