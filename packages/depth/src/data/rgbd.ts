/** Folders of colour images with depth maps of the same name: `rgb/0001.jpg` and `depth/0001.png`. Node only. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Image, type Planes, readImage } from "@tessera-ml/media";
import { readMap } from "./maps.ts";
import { clearInvalid, type KnownUnits, parseUnits, UNITS, type Units } from "./units.ts";

export interface RgbdPair {
  readonly name: string;
  /** Paths. */
  readonly image: string;
  readonly depth: string;
}

export interface RgbdFrame {
  readonly name: string;
  readonly image: Image;
  readonly kind: Units["kind"];
  /** Metres, or pixels of disparity; 0 where invalid. [1, H, W] */
  readonly target: Planes;
  /** 1 where there is a measurement. */
  readonly valid: Uint8Array;
}

export interface RgbdSet {
  readonly folder: string;
  readonly pairs: readonly RgbdPair[];
  /** Reads a frame. See {@link readRgbd} for its errors. */
  read(index: number): Promise<RgbdFrame>;
}

export interface OpenRgbdOptions {
  /**
   * What the numbers mean: the name of a data set, units, or units by frame name. Default: what `set.json` in the
   * folder says under `units`.
   */
  readonly units?: KnownUnits | Units | ((name: string) => Units) | undefined;
}

const IMAGE = /\.(jpe?g|png)$/i;
const DEPTH = /\.(png|tiff?|npy|pfm)$/i;

/**
 * Lists the pairs in a folder with `rgb` or `color` and `depth` or `disp`, sorted by name.
 *
 * @throws Error if a folder is missing or empty, an image or a depth map has no partner, or nothing says what the
 *   numbers mean
 */
export async function openRgbd(folder: string, options: OpenRgbdOptions = {}): Promise<RgbdSet> {
  const { pairs, lonely } = await listPairs(folder);
  if (lonely[0]) throw new Error(lonely[0].reason);
  const units = await unitsOf(folder, options.units);
  return { folder, pairs, read: (index) => readRgbd(pairAt(pairs, index, folder), units) };
}

/** An image without depth, or the reverse. */
export interface LonelyFile {
  readonly name: string;
  /** A sentence that names the file. */
  readonly reason: string;
}

/**
 * The pairs in a folder with `rgb` or `color` and `depth` or `disp`, sorted by name, and the files without a partner.
 *
 * @throws Error if a folder is missing or empty
 */
export async function listPairs(folder: string): Promise<{ pairs: RgbdPair[]; lonely: LonelyFile[] }> {
  const images = await listStems(folder, ["rgb", "color"], IMAGE);
  const depths = await listStems(folder, ["depth", "disp"], DEPTH);
  const without = (from: Stems, to: Stems, what: string) =>
    [...from.files]
      .filter(([name]) => !to.files.has(name))
      .map(([name, path]) => ({ name, reason: `${path}: no ${what} named ${name} in ${to.folder}` }));
  const lonely = [...without(images, depths, "depth map"), ...without(depths, images, "image")];
  const pairs = [...images.files].flatMap(([name, image]) => {
    const depth = depths.files.get(name);
    return depth === undefined ? [] : [{ name, image, depth }];
  });
  return { pairs: pairs.sort((a, b) => (a.name < b.name ? -1 : 1)), lonely };
}

function pairAt(pairs: readonly RgbdPair[], index: number, folder: string): RgbdPair {
  const pair = pairs[index];
  if (!pair) throw new RangeError(`${folder}: frame ${index} of ${pairs.length}`);
  return pair;
}

interface Stems {
  readonly folder: string;
  /** Paths by name without ending. */
  readonly files: ReadonlyMap<string, string>;
}

async function listStems(folder: string, names: readonly string[], ending: RegExp): Promise<Stems> {
  const inside = await readdir(folder);
  const name = names.find((candidate) => inside.includes(candidate));
  if (!name) throw new Error(`${folder}: expected a folder ${names.join(" or ")} in it`);
  const path = join(folder, name);
  const files = (await readdir(path)).filter((file) => ending.test(file));
  if (files.length === 0) throw new Error(`${path}: no files that match ${ending.source}`);
  return { folder: path, files: new Map(files.map((file) => [file.replace(ending, ""), join(path, file)])) };
}

export type ByName = (name: string) => Units;

/** @throws Error if nothing says what the numbers mean */
export async function unitsOf(folder: string, given: OpenRgbdOptions["units"]): Promise<ByName> {
  if (typeof given === "function") return given;
  if (typeof given === "object") return () => given;
  if (given !== undefined) {
    const known: Units | undefined = UNITS[given];
    if (!known)
      throw new Error(`${folder}: units: expected one of ${Object.keys(UNITS).join(", ")}, got ${given}`);
    return () => known;
  }
  const path = join(folder, "set.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  const stated = text === undefined ? undefined : statedUnits(text, path);
  const units = typeof stated === "string" ? parseUnits(stated) : undefined;
  if (!units)
    throw new Error(
      `${folder}: nothing says what the numbers of its depth maps mean: pass units (--units "metres = value / 1000" for millimetres, or one of ${Object.keys(UNITS).join(", ")}), or add set.json with {"units": "metres = value / 1000"}${stated === undefined ? "" : `; it has ${JSON.stringify(stated)}`}`,
    );
  return () => units;
}

function statedUnits(text: string, path: string): unknown {
  try {
    return (JSON.parse(text) as { units?: unknown } | null)?.units;
  } catch (error) {
    throw new Error(`${path}: not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Reads an image and its depth map.
 *
 * @throws MediaError if a file is damaged or the depth map has several channels
 * @throws Error if the two differ in size, or no pixel has a measurement
 */
export async function readRgbd(pair: RgbdPair, units: ByName | Units): Promise<RgbdFrame> {
  const rule = typeof units === "function" ? units(pair.name) : units;
  const [image, target] = await Promise.all([
    readImage(pair.image, { orient: false }),
    readMap(pair.depth, rule.unit),
  ]);
  return frameOf(pair, image, target, rule);
}

/**
 * Checks a depth map against its image and clears what is no measurement.
 *
 * @throws Error if the two differ in size, or no pixel has a measurement
 */
export function frameOf(pair: RgbdPair, image: Image, target: Planes, rule: Units): RgbdFrame {
  if (image.width !== target.width || image.height !== target.height)
    throw new Error(
      `${pair.depth}: expected ${image.width} x ${image.height} pixels like ${pair.image}, got ${target.width} x ${target.height}`,
    );
  const valid = clearInvalid(target, rule);
  if (!valid.includes(1)) throw new Error(`${pair.depth}: no pixel has a measurement`);
  return { name: pair.name, image, kind: rule.kind, target, valid };
}
