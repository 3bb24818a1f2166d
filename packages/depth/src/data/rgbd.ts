/** Folders of colour images with depth maps of the same name: `rgb/0001.jpg` and `depth/0001.png`. Node only. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Image, type Planes, readDepth, readImage } from "@tessera-ml/media";
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
const DEPTH = /\.(png|tiff?)$/i;

/**
 * Lists the pairs in a folder with `rgb` or `color` and `depth` or `disp`, sorted by name.
 *
 * @throws Error if a folder is missing or empty, an image or a depth map has no partner, or nothing says what the
 *   numbers mean
 */
export async function openRgbd(folder: string, options: OpenRgbdOptions = {}): Promise<RgbdSet> {
  const images = await listStems(folder, ["rgb", "color"], IMAGE);
  const depths = await listStems(folder, ["depth", "disp"], DEPTH);
  for (const [from, to, what] of [
    [images, depths, "depth map"],
    [depths, images, "image"],
  ] as const)
    for (const [stem, path] of from.files)
      if (!to.files.has(stem)) throw new Error(`${path}: no ${what} named ${stem} in ${to.folder}`);
  const pairs = [...images.files]
    .map(([name, image]) => ({ name, image, depth: depths.files.get(name)! }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const units = await unitsOf(folder, options.units);
  return { folder, pairs, read: (index) => readRgbd(pairAt(pairs, index, folder), units) };
}

function pairAt(pairs: readonly RgbdPair[], index: number, folder: string): RgbdPair {
  const pair = pairs[index];
  if (!pair) throw new RangeError(`${folder}: frame ${index} of ${pairs.length}`);
  return pair;
}

async function listStems(folder: string, names: readonly string[], ending: RegExp) {
  const inside = await readdir(folder);
  const name = names.find((candidate) => inside.includes(candidate));
  if (!name) throw new Error(`${folder}: expected a folder ${names.join(" or ")} in it`);
  const path = join(folder, name);
  const files = (await readdir(path)).filter((file) => ending.test(file));
  if (files.length === 0) throw new Error(`${path}: no files that match ${ending.source}`);
  return { folder: path, files: new Map(files.map((file) => [file.replace(ending, ""), join(path, file)])) };
}

type ByName = (name: string) => Units;

async function unitsOf(folder: string, given: OpenRgbdOptions["units"]): Promise<ByName> {
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
  const stated: unknown = text === undefined ? undefined : (JSON.parse(text) as { units?: unknown }).units;
  const units = typeof stated === "string" ? parseUnits(stated) : undefined;
  if (!units)
    throw new Error(
      `${folder}: nothing says what the numbers of its depth maps mean: pass units, for example { kind: "depth", unit: 0.001 } for millimetres, or one of ${Object.keys(UNITS).join(", ")}`,
    );
  return () => units;
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
    readDepth(pair.depth, { unit: rule.unit }),
  ]);
  if (image.width !== target.width || image.height !== target.height)
    throw new Error(
      `${pair.depth}: expected ${image.width} x ${image.height} pixels like ${pair.image}, got ${target.width} x ${target.height}`,
    );
  const valid = clearInvalid(target, rule);
  if (!valid.includes(1)) throw new Error(`${pair.depth}: no pixel has a measurement`);
  return { name: pair.name, image, kind: rule.kind, target, valid };
}
