/** NYU Depth V2 (Silberman et al. 2012) as pairs of files; the labelled file is in `nyu-labelled.ts`. */
import { join } from "node:path";
import type { Planes } from "@tessera-ml/media";
import { UNITS } from "../units.ts";
import { byKey, type Entry, type Layout, type Protocol, pairByKey, setOf } from "./set.ts";

/** Eigen et al. 2014. */
export const NYU_PROTOCOL: Protocol = { cap: 10, crop: "eigen-nyu" };

/** `test/bathroom/rgb_00045.jpg` and `sync_depth_00045.png` of BTS and its successors. */
const SYNC_IMAGE = /^(.*?)rgb_(\d+)\.(?:jpe?g|png)$/i;
const SYNC_DEPTH = /^(.*?)sync_depth_(\d+)\.png$/i;
/** `nyu2_test/00001_colors.png` and `00001_depth.png` of DenseDepth. */
const DENSE_IMAGE = /^(.*?)(\d+)_colors\.png$/i;
const DENSE_DEPTH = /^(.*?)(\d+)_depth\.png$/i;

export const nyu: Layout = {
  name: "nyu",
  looks:
    "*/rgb_00045.jpg and */sync_depth_00045.png, or 00045_colors.png and 00045_depth.png, in millimetres",
  deep: true,
  matches: ({ files }) =>
    files.some((file) => SYNC_DEPTH.test(file)) ||
    (files.some((file) => DENSE_DEPTH.test(file)) && files.some((file) => DENSE_IMAGE.test(file))),
  open: async (list, { split }) => {
    const key = (folder = "", frame = "") => `${folder}${frame}`;
    const entry = (name: string, image: string, depth: string): Entry => ({
      ...{ name, image, depth, units: UNITS.nyu },
      finish: (map) => checkDepth(map, join(list.folder, depth)),
    });
    const entries = [
      ...pairByKey(list, byKey(list, SYNC_IMAGE, key), byKey(list, SYNC_DEPTH, key), entry, true),
      ...pairByKey(list, byKey(list, DENSE_IMAGE, key), byKey(list, DENSE_DEPTH, key), entry, true),
    ];
    const wanted = split === undefined ? entries : entries.filter(({ name }) => splitOf(name) === split);
    if (wanted.length === 0)
      throw new Error(`${list.folder}: no pairs in folders named ${split}: leave out the split`);
    return [setOf({ name: "nyu", layout: "nyu", folder: list.folder, protocol: NYU_PROTOCOL }, wanted)];
  },
};

function splitOf(name: string): string | undefined {
  return /(?:^|[/_])(train|test)(?=\/)/.exec(name)?.[1];
}

/** The 8-bit copies of `nyu2_train` would be read as a room of 25 cm. */
function checkDepth(map: Planes, path: string): Planes {
  if (map.data.every((metres) => metres < 0.256))
    throw new Error(
      `${path}: expected 16 bits in millimetres, got values up to 255: 8-bit copies have lost the depth`,
    );
  return map;
}
