/** Middlebury stereo (Scharstein et al.): scenes of 2014 and 2021 with calibration, of 2005 and 2006 with `dmin.txt`. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "@tessera-ml/kit";
import type { BrokenEntry, Entry, FolderList, Layout } from "./set.ts";
import { setOf } from "./set.ts";

/** Of the cameras of 2005 and 2006, in pixels of the full size and in metres. */
const [FOCAL, BASELINE] = [3740, 0.16];

export const middlebury: Layout = {
  name: "middlebury",
  looks:
    "SCENE/im0.png, disp0.pfm and calib.txt (2014, 2021), or SCENE/view1.png, disp1.png and dmin.txt (2005, 2006)",
  deep: true,
  matches: ({ files }) => files.some((file) => /(^|\/)(disp0\.pfm|disp1\.png)$/.test(file)),
  open: async (list) => {
    const scenes = [
      ...new Set(list.files.filter((file) => /(^|\/)disp[01]\.(pfm|png)$/.test(file)).map(parentOf)),
    ];
    const entries = await Promise.all(scenes.map((scene) => sceneEntry(list, scene)));
    const about = { layout: "middlebury", folder: list.folder, protocol: {} };
    // Disparity without calibration has no unit: such scenes are a set of their own.
    const [metric, relative] = [
      entries.filter((entry) => "reason" in entry || entry.units.kind === "depth"),
      entries.filter((entry) => "units" in entry && entry.units.kind === "disparity"),
    ];
    return [
      setOf({ ...about, name: "middlebury" }, metric),
      setOf({ ...about, name: "middlebury disparity" }, relative),
    ].filter(({ pairs }) => pairs.length > 0);
  },
};

function parentOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf("/")));
}

async function sceneEntry(list: FolderList, scene: string): Promise<Entry | BrokenEntry> {
  const name = scene || ".";
  const path = (file: string) => (scene ? `${scene}/${file}` : file);
  const has = (file: string) => list.files.includes(path(file));
  const isNew = has("disp0.pfm");
  const [image, depth] = isNew ? ["im0.png", "disp0.pfm"] : ["view1.png", "disp1.png"];
  if (!has(image))
    return { name, reason: `${join(list.folder, path(depth))}: there is no ${image} beside it` };
  const entry = { name, image: path(image), depth: path(depth) };
  const text = async (file: string) => await readFile(join(list.folder, path(file)), "utf8");
  try {
    if (isNew) {
      if (!has("calib.txt")) return { ...entry, units: { kind: "disparity", unit: 1 } };
      return calibrated(
        entry,
        parseCalibration(await text("calib.txt"), join(list.folder, path("calib.txt"))),
      );
    }
    if (!has("dmin.txt")) return { ...entry, units: { kind: "disparity", unit: 1 } };
    const shift = Number(await text("dmin.txt"));
    if (!Number.isFinite(shift)) return { name, reason: `${path("dmin.txt")}: expected a number` };
    // The values of half and third size are disparities of the full size.
    return calibrated(entry, { focal: FOCAL, baseline: BASELINE, shift });
  } catch (error) {
    return { name, reason: messageOf(error) };
  }
}

interface Calibration {
  /** In pixels. */
  readonly focal: number;
  /** In metres. */
  readonly baseline: number;
  /** Added to disparities, in pixels. */
  readonly shift: number;
}

/** `cam0=[3997.684 0 1176.728; …]`, `doffs=131.111`, `baseline=193.001` in millimetres. */
function parseCalibration(text: string, path: string): Calibration {
  const number = (pattern: RegExp, name: string) => {
    const value = Number(pattern.exec(text)?.[1] ?? Number.NaN);
    if (!Number.isFinite(value)) throw new Error(`${path}: no number for ${name}`);
    return value;
  };
  return {
    focal: number(/^cam0\s*=\s*\[\s*([\d.eE+-]+)/m, "cam0"),
    baseline: number(/^baseline\s*=\s*([\d.eE+-]+)/m, "baseline") / 1000,
    shift: number(/^doffs\s*=\s*([\d.eE+-]+)/m, "doffs"),
  };
}

/** Z = baseline · focal / (disparity + shift). Unknown disparity is infinite in `.pfm` and 0 in `.png` files. */
function calibrated(entry: Omit<Entry, "units">, { focal, baseline, shift }: Calibration): Entry {
  return {
    ...entry,
    units: { kind: "depth", unit: 1 },
    finish: (map) => {
      for (const [i, disparity] of map.data.entries())
        map.data[i] =
          Number.isFinite(disparity) && disparity > 0 ? (baseline * focal) / (disparity + shift) : 0;
      return map;
    },
  };
}
