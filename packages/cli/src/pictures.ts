/** Labelled pictures that a network can be measured on. */
import type { ReportProgress } from "@tessera-ml/hub";
import type { ImageClassifier, LabelledImages } from "@tessera-ml/vision";
import type { Split } from "@tessera-ml/vision/data";
import { UsageError } from "./errors.ts";

/** Data sets by what a network's outputs mean. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  digits: ["mnist", "usps"],
  cifar10: ["cifar10", "cifar10-jpeg", "cifar10-sample"],
  "imagenet-1k": ["imagenet-sample"],
  "imagenet-1k+background": ["imagenet-sample"],
};

/** A data set that fits a network: the wanted one, else that of its record's accuracy, else one that is here. */
export async function chooseData({ record }: ImageClassifier, wanted: string | undefined): Promise<string> {
  const { findDataset, listDatasets } = await import("@tessera-ml/vision/data");
  const { labels } = record.classes;
  const suitable = SETS[labels] ?? [];
  if (wanted !== undefined) {
    const { name } = findDataset(wanted);
    if (suitable.includes(name)) return name;
    throw new UsageError(
      `${record.name} knows ${labels}, ${name} shows something else: use ${suitable.join(" or ")}`,
    );
  }
  const states = await listDatasets();
  const here = suitable.filter((name) =>
    states.some((state) => state.record.name === name && state.place !== "absent"),
  );
  const measured = suitable.filter((name) => name === record.evaluation?.dataset);
  const found = measured.find((name) => here.includes(name)) ?? here[0] ?? measured[0] ?? suitable[0];
  return found as string;
}

export interface LoadPicturesOptions {
  readonly split?: Split | undefined;
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
}

/** Reads a data set: its test split, where it has one and no other is wanted. */
export async function loadPictures(
  name: string,
  { split, ...options }: LoadPicturesOptions,
): Promise<{ pictures: LabelledImages; split: Split | undefined }> {
  const { findDataset, loadDataset, loadPhotographs } = await import("@tessera-ml/vision/data");
  const record = findDataset(name);
  if (record.kind === "photographs") {
    if (split !== undefined) throw new UsageError(`${name} has no splits: leave out --split`);
    return { pictures: await loadPhotographs("imagenet-sample", options), split: undefined };
  }
  const chosen = split ?? (record.splits.test === undefined ? "train" : "test");
  return { pictures: await loadDataset(name, { ...options, split: chosen }), split: chosen };
}
