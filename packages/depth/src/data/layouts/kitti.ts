/** KITTI: raw images with the annotated depth of the depth benchmark (Geiger et al. 2013; Uhrig et al. 2017). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { byKey, type Entry, type FolderList, type Layout, pairByKey, setOf } from "./set.ts";

/** 0 is no measurement. */
const UNITS = { kind: "depth", unit: 1 / 256 } as const;

/** `2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000005.png` */
const IMAGE = /([^/]+)\/(image_0[23])\/data\/(\d+)\.(?:png|jpe?g)$/;
/** `val/2011_09_26_drive_0002_sync/proj_depth/groundtruth/image_02/0000000005.png` */
const DEPTH = /([^/]+)\/proj_depth\/groundtruth\/(image_0[23])\/(\d+)\.png$/;
/** `val_selection_cropped/image/2011_09_26_drive_0002_sync_image_0000000005_image_02.png` */
const SELECTED_IMAGE = /(?:^|\/)image\/(.+_sync)_image_(\d+)_(image_0[23])\.png$/;
const SELECTED_DEPTH = /(?:^|\/)groundtruth_depth\/(.+_sync)_groundtruth_depth_(\d+)_(image_0[23])\.png$/;
/** The list of Eigen's split that BTS and its successors use: image, depth (or None), focal length. */
const EIGEN_LIST = /(?:^|\/)eigen[\w-]*test[\w-]*\.txt$/;

export const kitti: Layout = {
  name: "kitti",
  looks:
    "*/image_02/data/*.png and */proj_depth/groundtruth/image_02/*.png (with eigen_test_files_with_gt.txt, only its images); or image/ and groundtruth_depth/ of val_selection_cropped",
  deep: true,
  matches: ({ files }) => files.some((file) => DEPTH.test(file) || SELECTED_DEPTH.test(file)),
  open: async (list) => {
    const about = { layout: "kitti", folder: list.folder };
    const annotated = await annotatedEntries(list);
    const selected = pairByKey(
      list,
      byKey(list, SELECTED_IMAGE, (drive, frame, camera) => `${drive} ${camera} ${frame}`),
      byKey(list, SELECTED_DEPTH, (drive, frame, camera) => `${drive} ${camera} ${frame}`),
      entry,
      true,
    );
    return [
      setOf({ ...about, name: "kitti", protocol: { cap: 80, crop: "garg" } }, annotated),
      // These are cropped already.
      setOf({ ...about, name: "kitti selection", protocol: { cap: 80 } }, selected),
    ].filter(({ pairs }) => pairs.length > 0);
  },
};

const entry = (name: string, image: string, depth: string): Entry => ({ name, image, depth, units: UNITS });

/** Most drives have images without annotation at both ends; that is no error. */
async function annotatedEntries(list: FolderList) {
  const key = (drive = "", camera = "", frame = "") => `${drive} ${camera} ${frame}`;
  const entries = pairByKey(list, byKey(list, IMAGE, key), byKey(list, DEPTH, key), entry, false);
  const split = list.files.find((file) => EIGEN_LIST.test(file));
  if (split === undefined) return entries;
  const text = await readFile(join(list.folder, split), "utf8");
  const listed = new Set(
    text.split("\n").flatMap((line) => {
      const [, depth] = line.trim().split(/\s+/);
      const match = depth === undefined ? undefined : DEPTH.exec(depth);
      return match ? [key(...match.slice(1))] : [];
    }),
  );
  return entries.filter(({ name }) => listed.has(name));
}
