/** Depth maps in files of any kind. Node only. */
import { readFile } from "node:fs/promises";
import { Planes, readDepth } from "@tessera-ml/media";
import { openCheckpoint } from "@tessera-ml/nn";
import { decodePfm } from "../outputs/pfm.ts";

/**
 * Reads a map [1, H, W] from a PNG or TIFF with 8 or 16 bits, an `.npy` or a `.pfm`, times `unit`.
 *
 * @throws MediaError, CheckpointError or Error naming the file, if it is damaged or not one channel
 */
export async function readMap(path: string, unit: number): Promise<Planes> {
  const map = /\.npy$/i.test(path)
    ? await readNpy(path)
    : /\.pfm$/i.test(path)
      ? decodePfm(await readFile(path), path)
      : undefined;
  if (!map) return await readDepth(path, { unit });
  if (unit !== 1) for (const [i, value] of map.data.entries()) map.data[i] = value * unit;
  return map;
}

async function readNpy(path: string): Promise<Planes> {
  const checkpoint = await openCheckpoint(path);
  try {
    const tensor = checkpoint.get("");
    const shape = tensor.shape.filter((dim, i) => !(dim === 1 && (i === 0 || i === tensor.shape.length - 1)));
    const [height, width] = tensor.shape.length === 2 ? tensor.shape : shape;
    if (height === undefined || width === undefined || height * width !== tensor.size)
      throw new Error(`${path}: expected one map [H, W], got an array [${tensor.shape}]`);
    return new Planes(1, height, width, Float32Array.from(await tensor.read(), Number));
  } finally {
    await checkpoint.close();
  }
}
