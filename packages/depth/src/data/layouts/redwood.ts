/** Redwood and Open3D sequences (Choi et al. 2015; Park et al. 2017): millimetres. */
import { basename } from "node:path";
import { UNITS } from "../units.ts";
import { byKey, type FolderList, type Layout, pairByKey, setOf } from "./set.ts";
import { associate, type Stamped } from "./timestamps.ts";

const IMAGE = /^(?:rgb|color|image)\/([^/]+)\.(?:jpe?g|png)$/i;
const DEPTH = /^depth\/([^/]+)\.png$/i;
/** `0000012-000000367110`: the number of the frame and microseconds. */
const STAMPED = /^\d+-(\d+)$/;

export const redwood: Layout = {
  name: "redwood",
  looks: "color/, image/ or rgb/, depth/*.png, and trajectory.log or names like 0000001-000000033369.png",
  deep: false,
  matches: (list) => {
    const depths = [...depthsOf(list).keys()];
    const isRedwood = list.files.includes("trajectory.log") || depths.some((name) => STAMPED.test(name));
    return isRedwood && depths.length > 0 && imagesOf(list).size > 0 && !list.files.includes("set.json");
  },
  open: async (list) => {
    const [images, depths] = [imagesOf(list), depthsOf(list)];
    const about = {
      ...{ name: basename(list.folder), layout: "redwood", folder: list.folder },
      protocol: { cap: 10 },
    };
    const units = UNITS.open3d;
    if (![...depths.keys()].every((name) => STAMPED.test(name)))
      return [
        setOf(
          about,
          pairByKey(list, images, depths, (name, image, depth) => ({ name, image, depth, units }), true),
        ),
      ];
    const pairs = associate(stamped(images), stamped(depths));
    return [
      setOf(
        about,
        pairs.map(({ image, depth }) => ({
          name: image.file.replace(/^.*\/|\.\w+$/g, ""),
          image: image.file,
          depth: depth.file,
          units,
        })),
      ),
    ];
  },
};

const imagesOf = (list: FolderList) => byKey(list, IMAGE, (name = "") => name);
const depthsOf = (list: FolderList) => byKey(list, DEPTH, (name = "") => name);

function stamped(files: ReadonlyMap<string, string>): Stamped[] {
  return [...files].map(([name, file]) => ({ time: Number(STAMPED.exec(name)?.[1]) / 1e6, file }));
}
