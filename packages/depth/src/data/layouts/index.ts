/** Finding the data sets in a folder. Node only. */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf } from "@tessera-ml/kit";
import { DA2K_LOOKS, isDA2K, type OrderSet, openDA2K } from "./da2k.ts";
import { diode } from "./diode.ts";
import { kitti } from "./kitti.ts";
import { middlebury } from "./middlebury.ts";
import { nyu } from "./nyu.ts";
import { nyuLabelled } from "./nyu-labelled.ts";
import { plain } from "./plain.ts";
import { redwood } from "./redwood.ts";
import type { DepthSet, FolderList, Layout, OpenLayoutOptions } from "./set.ts";
import { tum } from "./tum.ts";

/** In the order in which they are tried. */
export const LAYOUTS: readonly Layout[] = [tum, redwood, nyuLabelled, plain, kitti, diode, middlebury, nyu];

export interface FoundSets {
  readonly sets: readonly DepthSet[];
  /** DA-2K, which has the order of points instead of depth. */
  readonly orders: readonly OrderSet[];
  /** Folders that look like data sets and cannot be opened, and why. */
  readonly refused: readonly { readonly folder: string; readonly reason: string }[];
}

/** How many folders deep files are looked for. */
const DEEPEST = 8;

/**
 * Opens the data sets in a folder: the folder itself, or each of the folders in it.
 *
 * @throws Error naming the known layouts if the folder has none of them; the reason if the only set cannot be opened
 */
export async function openDepthSets(folder: string, options: OpenLayoutOptions = {}): Promise<FoundSets> {
  const list = await listFolder(folder);
  const found = findLayouts(list);
  if (found.length === 0) throw new Error(describeUnknown(list));
  const sets: DepthSet[] = [];
  const orders: OrderSet[] = [];
  const refused: { folder: string; reason: string }[] = [];
  for (const { layout, list } of found)
    try {
      if (layout === "da2k") orders.push(await openDA2K(list));
      else sets.push(...(await layout.open(list, options)));
    } catch (error) {
      if (found.length === 1) throw error;
      refused.push({ folder: list.folder, reason: messageOf(error) });
    }
  if (sets.length + orders.length === 0) throw new Error(refused[0]!.reason);
  return { sets: named(sets, folder), orders, refused };
}

interface Found {
  readonly layout: Layout | "da2k";
  readonly list: FolderList;
}

/** The layouts of a folder, or of the folders in it. */
function findLayouts(list: FolderList, depth = 0): Found[] {
  const shallow = shallowLayout(list);
  if (shallow) return [{ layout: shallow, list }];
  const deep = LAYOUTS.filter((layout) => layout.deep && layout.matches(list));
  if (deep.length === 0 && depth >= 2) return [];
  const children = [...childrenOf(list)];
  const [only] = deep;
  if (only && (deep.length === 1 || depth >= 2) && !children.some(shallowLayout))
    return [{ layout: only, list }];
  return children.flatMap((child) => findLayouts(child, depth + 1));
}

function shallowLayout(list: FolderList): Layout | "da2k" | undefined {
  if (isDA2K(list)) return "da2k";
  return LAYOUTS.find((layout) => !layout.deep && layout.matches(list));
}

function childrenOf({ folder, files }: FolderList): FolderList[] {
  const below = files.filter((file) => file.includes("/"));
  return [...Map.groupBy(below, (file) => file.slice(0, file.indexOf("/")))]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inside]) => ({
      folder: join(folder, name),
      files: inside.map((file) => file.slice(name.length + 1)),
    }));
}

/** Sets of the same name get that of their folder too. */
function named(sets: readonly DepthSet[], root: string): DepthSet[] {
  const names = Map.groupBy(sets, ({ name }) => name);
  return sets.map((set) => {
    if (names.get(set.name)!.length === 1) return set;
    const where = set.folder.slice(root.length).replace(/^[/\\]+/, "");
    return { ...set, name: where === set.name || where === "" ? set.name : `${set.name} (${where})` };
  });
}

function describeUnknown({ folder, files }: FolderList): string {
  const what = files.length === 0 ? "the folder is empty" : "no data set of a known layout in it";
  const layouts = [...LAYOUTS, { name: "da2k", looks: DA2K_LOOKS }];
  const known = layouts.map(({ name, looks }) => `  ${name.padEnd(12)}  ${looks}`);
  return [`${folder}: ${what}. Known layouts:`, ...known].join("\n");
}

/** @throws Error if there is no such folder */
async function listFolder(folder: string): Promise<FolderList> {
  const state = await stat(folder).catch(() => undefined);
  if (!state) throw new Error(`${folder}: no such file or folder`);
  if (!state.isDirectory()) return { folder: dirname(folder), files: [basename(folder)] };
  const files: string[] = [];
  await walk(folder, "", files, new Set(), 0);
  return { folder, files: files.sort() };
}

async function walk(
  folder: string,
  below: string,
  files: string[],
  linked: Set<string>,
  depth: number,
): Promise<void> {
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const path = below ? `${below}/${entry.name}` : entry.name;
    let isFolder = entry.isDirectory();
    if (entry.isSymbolicLink()) {
      const target = await realpath(join(folder, path)).catch(() => undefined);
      if (target === undefined) continue;
      isFolder = (await stat(target)).isDirectory();
      // A link may lead back to where it is.
      if (isFolder && linked.has(target)) continue;
      if (isFolder) linked.add(target);
    }
    if (!isFolder) files.push(path);
    else if (depth < DEEPEST) await walk(folder, path, files, linked, depth + 1);
  }
}
