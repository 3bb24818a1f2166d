/** Images for the studies: a random subset of a data set, in memory. */
import { arrays, type Dataset, type HostArray } from "@tessera-ml/nn";
import { HostRandom, type Shape } from "@tessera-ml/tensor";
import { type DatasetName, loadDataset, type Split } from "../data/index.ts";

export interface Pictures {
  /** images [N, C, H, W] as bytes, labels [N] as int32 */
  readonly samples: Dataset<{ readonly images: HostArray; readonly labels: HostArray }>;
  /** [C, H, W] */
  readonly shape: Shape;
  readonly classes: number;
  /** Mean and standard deviation of all bytes, for normalisation. */
  readonly mean: number;
  readonly deviation: number;
}

/** Data sets stored as bytes. */
export type StudyData = Extract<DatasetName, "mnist" | "cifar10-jpeg">;

/** `count` images of a split, drawn without replacement; the same ones for the same seed. */
export async function pictures(
  name: StudyData,
  split: Split,
  count: number,
  { seed = 0, signal }: { seed?: number; signal?: AbortSignal | undefined } = {},
): Promise<Pictures> {
  const all = await loadDataset(name, { split, signal });
  const [length, ...shape] = all.shape;
  if (count > length) throw new RangeError(`pictures: ${name}, ${split} has ${length} images, not ${count}`);
  const size = shape.reduce((a, b) => a * b, 1);
  const data = new Uint8Array(count * size);
  const labels = new Int32Array(count);
  // Files are ordered by class: the first thousand images would show a single one.
  const order = new HostRandom(seed).permutation(length);
  for (let i = 0; i < count; i++) {
    const from = order[i] as number;
    data.set(all.images.subarray(from * size, (from + 1) * size), i * size);
    labels[i] = all.labels[from] as number;
  }
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  return {
    samples: arrays({ images: { data, shape: [count, ...shape] }, labels }),
    shape,
    classes: all.classes.length,
    mean,
    deviation: Math.sqrt(variance),
  };
}
