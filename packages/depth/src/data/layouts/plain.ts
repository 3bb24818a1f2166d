/** `rgb/` and `depth/` with files of the same name; `set.json` says what the numbers mean. */
import { basename } from "node:path";
import { listPairs, readRgbd, unitsOf } from "../rgbd.ts";
import type { Layout, Protocol } from "./set.ts";

/** By the first word of the folder's name: rooms, and sets with a published cap. */
const CAPS: Readonly<Record<string, number>> = {
  ...{ tum: 10, osd: 10, "7scenes": 10, replica: 10, hololens: 10, nyu: 10, sunrgbd: 10, open3d: 10 },
  ...{ scannet: 10, ibims1: 10, eth3d: 72, sintel: 72, kitti: 80 },
};

export const plain: Layout = {
  name: "plain",
  looks:
    'rgb/ or color/ and depth/ or disp/ with files of the same name, and set.json: {"units": "metres = value / 1000"}',
  deep: false,
  matches: ({ files }) =>
    files.some((file) => /^(?:rgb|color)\//.test(file)) &&
    files.some((file) => /^(?:depth|disp)\//.test(file)),
  open: async ({ folder }, { units: given }) => {
    const { pairs, lonely } = await listPairs(folder);
    const units = await unitsOf(folder, given);
    const all = [...pairs, ...lonely].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return [
      {
        ...{ name: basename(folder), layout: "plain", folder, protocol: protocolOf(basename(folder)) },
        pairs: all,
        read: async (index) => {
          const pair = all[index];
          if (!pair) throw new RangeError(`${folder}: frame ${index} of ${all.length}`);
          if ("reason" in pair) throw new Error(pair.reason);
          return await readRgbd(pair, units);
        },
      },
    ];
  },
};

function protocolOf(name: string): Protocol {
  const cap = CAPS[/^[a-z0-9]+/.exec(name.toLowerCase())?.[0] ?? ""];
  return cap === undefined ? {} : { cap };
}
