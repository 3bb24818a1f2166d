/** Labelled images that a classifier can be measured on. */

import type { ReportProgress } from "@tessera-ml/hub";
import { KitError } from "@tessera-ml/kit";
import {
  type DatasetName,
  findDataset,
  listDatasets,
  loadDataset,
  loadPhotographs,
  type Split,
} from "../data/index.ts";
import type { ImageClassifier } from "../pipeline/image-classifier.ts";
import { accuracyOf } from "../records/record.ts";
import type { LabelledImages } from "./evaluate.ts";

/** Data sets by what a network's outputs mean. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  digits: ["mnist", "usps"],
  cifar10: ["cifar10", "cifar10-jpeg", "cifar10-sample"],
  "imagenet-1k": ["imagenet-sample"],
  "imagenet-1k+background": ["imagenet-sample"],
};

/** A data set that fits a network: the wanted one, else that of its record's accuracy, else one on this machine. */
export async function chooseData({ record }: ImageClassifier, wanted: string | undefined): Promise<string> {
  const { labels } = record.classes;
  const suitable = SETS[labels] ?? [];
  if (wanted !== undefined) {
    const { name } = findDataset(wanted);
    if (suitable.includes(name)) return name;
    throw new KitError(
      "bad-option",
      `${record.name} knows ${labels}, ${name} shows something else: use ${suitable.join(" or ")}`,
      { field: "data" },
    );
  }
  const states = await listDatasets();
  const here = suitable.filter((name) =>
    states.some((state) => state.record.name === name && state.place !== "absent"),
  );
  const measured = suitable.filter((name) => name === accuracyOf(record)?.dataset);
  const found = measured.find((name) => here.includes(name)) ?? here[0] ?? measured[0] ?? suitable[0];
  return found as string;
}

export interface LoadPicturesOptions {
  readonly split?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ReportProgress | undefined;
}

/** Reads a data set: its test split, if it has one and no other is wanted. */
export async function loadPictures(
  name: string,
  { split, ...options }: LoadPicturesOptions,
): Promise<{ pictures: LabelledImages; split: string | undefined }> {
  const record = findDataset(name);
  if (record.kind === "photographs") {
    if (split !== undefined)
      throw new KitError("bad-option", `${name} has no splits: leave out --split`, { field: "split" });
    return { pictures: await loadPhotographs("imagenet-sample", options), split: undefined };
  }
  const chosen = (split ?? (record.splits.test === undefined ? "train" : "test")) as Split;
  return { pictures: await loadDataset(name as DatasetName, { ...options, split: chosen }), split: chosen };
}
