/** Sets of images with depth, from folders of any layout. Node only. */
import { join } from "node:path";
import { type Image, type Planes, readImage } from "@tessera-ml/media";
import type { Crop } from "../../metrics.ts";
import { readMap } from "../maps.ts";
import { frameOf, type RgbdFrame } from "../rgbd.ts";
import type { Units } from "../units.ts";

/** Which pixels of a data set count. */
export interface Protocol {
  /** The least depth in metres, default 0.001. */
  readonly min?: number | undefined;
  /** The largest depth in metres, at which predictions are clamped; default 80. */
  readonly cap?: number | undefined;
  readonly crop?: Crop | undefined;
}

export interface DepthSet {
  /** For people: `kitti`, `diode outdoors`. */
  readonly name: string;
  /** Name of the layout. */
  readonly layout: string;
  readonly folder: string;
  /** As published for the data set. */
  readonly protocol: Protocol;
  /** Broken ones included: reading them throws. */
  readonly pairs: readonly { readonly name: string }[];
  /** @throws Error, one sentence that names the file, if the pair is broken */
  read(index: number): Promise<RgbdFrame>;
}

/** The files in a folder and below it, as paths relative to it with `/`. */
export interface FolderList {
  readonly folder: string;
  readonly files: readonly string[];
}

/** A way in which data sets lie on disk. */
export interface Layout {
  readonly name: string;
  /** What its files are called, for people. */
  readonly looks: string;
  /** Its files may lie in folders of any depth: other sets in the same folder are found first. */
  readonly deep: boolean;
  matches(list: FolderList): boolean;
  open(list: FolderList, options: OpenLayoutOptions): Promise<DepthSet[]>;
}

export interface OpenLayoutOptions {
  /** What the numbers of depth files mean, where nothing else says it. */
  readonly units?: Units | undefined;
  /** Of a data set that comes with splits: `test` or `train`. */
  readonly split?: string | undefined;
}

/** Where a frame comes from. Paths are relative to the folder. */
export interface Entry {
  readonly name: string;
  readonly image: string;
  readonly depth: string;
  readonly units: Units;
  /** Changes the map that was read, before invalid values are cleared. */
  readonly finish?: (map: Planes) => Planes | Promise<Planes>;
}

/** An entry that cannot be read, and why. */
export interface BrokenEntry {
  readonly name: string;
  readonly reason: string;
}

export function setOf(
  about: Pick<DepthSet, "name" | "layout" | "folder" | "protocol">,
  entries: readonly (Entry | BrokenEntry)[],
): DepthSet {
  const pairs = entries.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return {
    ...about,
    pairs,
    read: async (index) => {
      const entry = pairs[index];
      if (!entry) throw new RangeError(`${about.folder}: frame ${index} of ${pairs.length}`);
      if ("reason" in entry) throw new Error(entry.reason);
      return await readEntry(about.folder, entry);
    },
  };
}

async function readEntry(folder: string, entry: Entry): Promise<RgbdFrame> {
  const { name, units, finish } = entry;
  const [image, depth] = [join(folder, entry.image), join(folder, entry.depth)];
  const [picture, map]: [Image, Planes] = await Promise.all([
    readImage(image, { orient: false }),
    readMap(depth, units.unit),
  ]);
  return frameOf({ name, image, depth }, picture, finish ? await finish(map) : map, units);
}

/**
 * Pairs depth files with images that have the same key. A depth file without an image is broken; images without depth
 * are, if `both`.
 */
export function pairByKey(
  { folder }: FolderList,
  images: ReadonlyMap<string, string>,
  depths: ReadonlyMap<string, string>,
  entry: (key: string, image: string, depth: string) => Entry,
  both: boolean,
): (Entry | BrokenEntry)[] {
  const broken = (name: string, path: string, what: string) => ({
    name,
    reason: `${join(folder, path)}: there is no ${what} for it`,
  });
  return [
    ...[...depths].map(([key, depth]) => {
      const image = images.get(key);
      return image === undefined ? broken(key, depth, "image") : entry(key, image, depth);
    }),
    ...(both ? [...images] : [])
      .filter(([key]) => !depths.has(key))
      .map(([key, image]) => broken(key, image, "depth map")),
  ];
}

/** The files that match, by the key that is made from their groups. */
export function byKey(
  { files }: FolderList,
  pattern: RegExp,
  key: (...groups: string[]) => string,
): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of files) {
    const match = pattern.exec(file);
    if (match) found.set(key(...match.slice(1)), file);
  }
  return found;
}
