/** How many pictures of a data set a network gets right, and which classes it takes for which. */
import type { LoadedDataset, Split } from "@tessera-ml/hub";
import type { Planes } from "@tessera-ml/media";
import type { ImageClassifier } from "@tessera-ml/vision";
import { UsageError } from "./errors.ts";

/** A picture as the network reads it, and its class among the network's outputs. */
interface Example {
  readonly planes: Planes;
  readonly label: number;
}

/** A data set, picture by picture. */
export interface Examples {
  readonly name: string;
  readonly split: Split | undefined;
  readonly count: number;
  readonly at: (index: number) => Promise<Example>;
}

export interface Evaluation {
  readonly model: string;
  readonly data: string;
  readonly split: Split | undefined;
  readonly pictures: number;
  /** In per cent, as top-5. */
  readonly top1: number;
  readonly top5: number;
  /** Reading and preparing included. */
  readonly picturesPerSecond: number;
  readonly labels: readonly string[];
  /** [true class][answer], pictures. */
  readonly confusion: readonly (readonly number[])[];
}

/** Pictures that the network sees at once. */
const BATCH = 50;

export async function evaluate(
  classifier: ImageClassifier,
  examples: Examples,
  {
    limit,
    signal,
    progress,
  }: { limit?: number | undefined; signal: AbortSignal; progress: (done: number) => void },
): Promise<Evaluation> {
  const { labels } = classifier;
  const chosen = spread(examples.count, limit ?? examples.count);
  const confusion = labels.map(() => new Array<number>(labels.length).fill(0));
  let [right, among] = [0, 0];
  const begin = performance.now();
  for (let at = 0; at < chosen.length; at += BATCH) {
    signal.throwIfAborted();
    const batch = await Promise.all(chosen.slice(at, at + BATCH).map((index) => examples.at(index)));
    const rows = await classifier.probabilities(batch);
    for (const [i, { label }] of batch.entries()) {
      const row = rows[i] as Float32Array;
      const rank = row.filter((probability) => probability > (row[label] as number)).length;
      const answer = row.indexOf(Math.max(...row));
      (confusion[label] as number[])[answer] = (confusion[label]?.[answer] ?? 0) + 1;
      if (answer === label) right++;
      if (rank < 5) among++;
    }
    progress(Math.min(chosen.length, at + BATCH));
  }
  return {
    model: classifier.name,
    data: examples.name,
    split: examples.split,
    pictures: chosen.length,
    top1: (100 * right) / chosen.length,
    top5: (100 * among) / chosen.length,
    picturesPerSecond: chosen.length / ((performance.now() - begin) / 1000),
    labels,
    confusion,
  };
}

/** Evenly spread: a data set may be sorted by class. */
function spread(count: number, limit: number): number[] {
  if (limit >= count) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: limit }, (_, i) => Math.floor((i * count) / limit));
}

/** Data sets for what the outputs mean, the first that is on this machine before the others. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  digits: ["mnist", "usps"],
  cifar10: ["cifar10", "cifar10-jpeg", "cifar10-sample"],
  "imagenet-1k": ["imagenet-sample"],
  "imagenet-1k+background": ["imagenet-sample"],
};

/** A data set that a network can be asked about; by default the one its accuracy was measured on. */
export async function chooseData({ record }: ImageClassifier, wanted: string | undefined): Promise<string> {
  const { findDataset, listDatasets } = await import("@tessera-ml/hub");
  const suitable = SETS[record.classes.labels] ?? [];
  if (wanted !== undefined) {
    const { name } = findDataset(wanted);
    if (suitable.includes(name)) return name;
    throw new UsageError(
      `${record.name} knows ${record.classes.labels}, ${name} shows something else: use ${suitable.join(" or ")}`,
    );
  }
  const measured = suitable.find((name) => name === record.accuracy?.dataset);
  const here = (await listDatasets())
    .filter(({ place }) => place !== "absent")
    .map(({ record }) => record.name);
  const found = [measured, ...suitable].find((name) => name !== undefined && here.includes(name));
  return found ?? measured ?? (suitable[0] as string);
}

/** Opens a data set for a network: pictures become its input as they are, without looking for a digit first. */
export async function openExamples(
  classifier: ImageClassifier,
  name: string,
  options: {
    split?: Split | undefined;
    signal: AbortSignal;
    progress: import("@tessera-ml/hub").ReportProgress;
  },
): Promise<Examples> {
  const { findDataset, loadDataset, loadPhotographs } = await import("@tessera-ml/hub");
  const { preprocess } = await import("@tessera-ml/media");
  const { preprocessing, classes } = classifier.record;
  const record = findDataset(name);
  if (record.kind === "photographs") {
    if (options.split !== undefined) throw new UsageError(`${name} has no splits: leave out --split`);
    const photographs = await loadPhotographs("imagenet-sample", options);
    const first = classes.labels === "imagenet-1k+background" ? 1 : 0;
    const at = async (index: number) => {
      const { path, classIndex } = photographs[index] as (typeof photographs)[number];
      const { planes } = await classifier.prepare(path);
      return { planes, label: classIndex + first };
    };
    return { name, split: undefined, count: photographs.length, at };
  }
  const split = options.split ?? (record.splits.test === undefined ? "train" : "test");
  const loaded = await loadDataset(name, { ...options, split });
  const at = async (index: number) => ({
    planes: preprocess(await pictureOf(loaded, index), preprocessing),
    label: loaded.labels[index] as number,
  });
  return { name, split, count: loaded.labels.length, at };
}

/** One picture of a data set in bytes. */
async function pictureOf({ images, shape }: LoadedDataset<Uint8Array | Float32Array>, index: number) {
  const { Image } = await import("@tessera-ml/media");
  const [, channels, height, width] = shape;
  const area = height * width;
  const values = images.subarray(index * channels * area, (index + 1) * channels * area);
  const scale = values instanceof Float32Array ? 255 : 1;
  const bytes = new Uint8Array(values.length);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < area; i++)
      bytes[i * channels + c] = Math.round((values[c * area + i] as number) * scale);
  return new Image(width, height, channels as 1 | 3, bytes);
}
