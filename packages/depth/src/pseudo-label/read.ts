/** Photographs with the maps that a teacher gave them. Node only. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readDepth, readImage } from "@tessera-ml/media";
import { openCheckpoint } from "@tessera-ml/nn";
import * as z from "zod";
import type { Frame } from "../data/index.ts";
import { fromSteps } from "../outputs/steps.ts";
import { LABELS, type Label, type LabelList, labelsSchema, photographAt, targetOf } from "./format.ts";

export interface PseudoLabels {
  readonly folder: string;
  /** `labels.json`: the teacher, all files, and those that were skipped. */
  readonly list: LabelList;
  /** Of the photographs, relative to their folder. */
  readonly names: readonly string[];
  /**
   * A photograph and the teacher's disparity, of one size.
   *
   * @throws Error naming the file that is absent, damaged, or of another size than when it was labelled
   */
  read(index: number): Promise<Frame>;
}

/**
 * Opens the folder that `tessera depth pseudo-label` wrote.
 *
 * @param options `images`: where the photographs are now, if they were moved
 * @throws Error if the folder has no complete `labels.json`
 */
export async function openPseudoLabels(
  folder: string,
  options: { readonly images?: string | undefined } = {},
): Promise<PseudoLabels> {
  const list = await readList(folder);
  const images = options.images ?? list.images;
  const names = list.files.map(({ image }) => image);
  const read = async (index: number): Promise<Frame> => {
    const label = list.files[index];
    if (!label) throw new RangeError(`${folder}: photograph ${index} of ${list.files.length}`);
    const path = join(images, label.image);
    const image = photographAt(await readImage(path), list.shorterSide);
    const disparity = await readMap(join(folder, label.map), label);
    if (image.width !== label.width || image.height !== label.height)
      throw new Error(
        `${path}: expected ${label.width} x ${label.height} pixels as when it was labelled, got ${image.width} x ${image.height}`,
      );
    return { image, kind: "disparity", ...targetOf(label, disparity) };
  };
  return { folder, list, names, read };
}

async function readList(folder: string): Promise<LabelList> {
  const path = join(folder, LABELS);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new Error(
      `${folder}: no ${LABELS}: expected a folder that \`tessera depth pseudo-label\` has completed`,
      { cause: error },
    );
  });
  try {
    return labelsSchema.parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`${path}: ${reason}`, { cause: error });
  }
}

/** Disparities, NaN where there is none. */
async function readMap(path: string, { width, height, min, max }: Label): Promise<Float32Array> {
  const found = path.endsWith(".npy") ? await readValues(path) : await readSteps(path);
  if (found.width !== width || found.height !== height)
    throw new Error(`${path}: expected ${width} x ${height} values, got ${found.width} x ${found.height}`);
  return path.endsWith(".npy") ? found.data : fromSteps(found.data, min, max);
}

interface Values {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

async function readSteps(path: string): Promise<Values> {
  return await readDepth(path, { unit: 1 });
}

async function readValues(path: string): Promise<Values> {
  const file = await openCheckpoint(path);
  try {
    const tensor = file.get(file.names()[0] as string);
    const [height = 0, width = 0] = tensor.shape;
    return { width, height, data: (await tensor.read()) as Float32Array };
  } finally {
    await file.close();
  }
}
