/** `nyu_depth_v2_labeled.mat`: 1449 images of NYU Depth V2 with filled depth. MATLAB's 7.3 format is HDF5. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Image, Planes } from "@tessera-ml/media";
import type { Dataset, File } from "h5wasm/node";
import { frameOf, type RgbdFrame } from "../rgbd.ts";
import { readMat } from "./mat.ts";
import { NYU_PROTOCOL } from "./nyu.ts";
import type { Layout } from "./set.ts";

const LABELLED = /^nyu_depth_v2_labell?ed[^/]*\.mat$/i;
const UNITS = { kind: "depth", unit: 1 } as const;

export const nyuLabelled: Layout = {
  name: "nyu-labelled",
  looks: "nyu_depth_v2_labeled.mat, with splits.mat beside it for the 654 test images alone",
  deep: false,
  matches: ({ files }) => files.some((file) => LABELLED.test(file)),
  open: async ({ folder, files }, { split }) => {
    const path = join(folder, files.find((file) => LABELLED.test(file))!);
    const count = await countImages(path);
    const numbers = files.includes("splits.mat")
      ? await readSplit(join(folder, "splits.mat"), split ?? "test", count)
      : Array.from({ length: count }, (_, i) => i);
    if (split !== undefined && !files.includes("splits.mat"))
      throw new Error(`${folder}: no splits.mat, which says which images are for ${split}`);
    const pairs = numbers.map((number) => ({ name: String(number + 1).padStart(4, "0"), number }));
    return [
      {
        ...{ name: "nyu", layout: "nyu-labelled", folder, protocol: NYU_PROTOCOL, pairs },
        read: async (index) => {
          const pair = pairs[index];
          if (!pair) throw new RangeError(`${folder}: frame ${index} of ${pairs.length}`);
          return await withFile(path, (file) => readFrame(file, path, pair));
        },
      },
    ];
  },
};

/** Opens the file for as long as `use` takes; only what is asked for is read. */
async function withFile<T>(path: string, use: (file: File) => T): Promise<T> {
  await checkFormat(path);
  const hdf5 = await import("h5wasm/node");
  await hdf5.ready;
  const file = new hdf5.File(path, "r");
  try {
    return use(file);
  } finally {
    file.close();
  }
}

/** @throws Error unless the file starts like one of MATLAB 7.3, or like HDF5 */
async function checkFormat(path: string): Promise<void> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(128), 0, 128, 0);
    const start = buffer.toString("latin1", 0, bytesRead);
    if (start.startsWith("MATLAB 5.0"))
      throw new Error(
        `${path}: saved in MATLAB's format 5: save it with -v7.3, the format of the published file`,
      );
    if (!start.startsWith("MATLAB 7.3") && !start.startsWith("\x89HDF"))
      throw new Error(`${path}: expected a file of MATLAB 7.3 (HDF5)`);
  } finally {
    await file.close();
  }
}

/** The array `name`, [N, …, W, H]: MATLAB's axes in reverse. */
function arrayOf(file: File, path: string, name: string, rank: number): Dataset & { shape: number[] } {
  const found = file.get(name);
  const shape = found && "shape" in found ? found.shape : undefined;
  if (!found || !shape || shape.length !== rank)
    throw new Error(`${path}: expected an array ${name} of ${rank} axes${shape ? `, got [${shape}]` : ""}`);
  return found as Dataset & { shape: number[] };
}

async function countImages(path: string): Promise<number> {
  return await withFile(path, (file) => {
    const [images, depths] = [arrayOf(file, path, "images", 4), arrayOf(file, path, "depths", 3)];
    const [count = 0, channels, width, height] = images.shape;
    if (channels !== 3 || String([count, width, height]) !== String(depths.shape))
      throw new Error(
        `${path}: expected images [N, 3, W, H] and depths [N, W, H], got [${images.shape}] and [${depths.shape}]`,
      );
    return count;
  });
}

function readFrame(file: File, path: string, { name, number }: { name: string; number: number }): RgbdFrame {
  const images = arrayOf(file, path, "images", 4);
  const [, , width, height] = images.shape as [number, number, number, number];
  const range: [number, number] = [number, number + 1];
  const bytes = images.slice([range, [], [], []]) as Uint8Array; // [3, W, H]
  const metres = arrayOf(file, path, "depths", 3).slice([range, [], []]) as Float32Array; // [W, H]
  const image = new Image(width, height, 3);
  const target = new Planes(1, height, width);
  for (let x = 0; x < width; x++)
    for (let y = 0; y < height; y++) {
      const [from, to] = [x * height + y, y * width + x];
      target.data[to] = metres[from]!;
      for (let c = 0; c < 3; c++) image.data[3 * to + c] = bytes[c * width * height + from]!;
    }
  const where = `${path}[${number}]`;
  return frameOf({ name, image: `${where}.images`, depth: `${where}.depths` }, image, target, UNITS);
}

/** `testNdxs` or `trainNdxs`, which count from 1. */
async function readSplit(path: string, split: string, count: number): Promise<number[]> {
  const name = `${split}Ndxs`;
  const arrays = await readMat(path);
  const numbers = arrays.get(name);
  if (!numbers) throw new Error(`${path}: no array ${name}; it has ${[...arrays.keys()].join(", ")}`);
  const outside = numbers.find((number) => !(number >= 1 && number <= count));
  if (outside !== undefined)
    throw new Error(`${path}: ${name}: expected numbers from 1 to ${count}, got ${outside}`);
  return Array.from(numbers, (number) => number - 1);
}
