/** The data sets that recipes train on. */
import { type DatasetName, type LoadOptions, loadDataset } from "../data/index.ts";
import type { Pictures } from "./pictures.ts";

/** One split. Throws `absent`, which says what to do, where the data set is not on this machine. */
export async function readPictures(name: DatasetName, options: LoadOptions): Promise<Pictures> {
  const { images, labels, shape } = await loadDataset(name, options);
  return { images: { data: images, shape }, labels: Int32Array.from(labels) };
}
