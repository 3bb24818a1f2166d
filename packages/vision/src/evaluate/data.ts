/** Labelled images for evaluating a classifier. */

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

/** Suitable data sets, by label set. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  digits: ["mnist", "usps"],
  cifar10: ["cifar10", "cifar10-jpeg", "cifar10-sample"],
  "imagenet-1k": ["imagenet-sample"],
  "imagenet-1k+background": ["imagenet-sample"],
};

/** Picks a data set for a network: the requested one, else the one its record reports, else one on this machine. */
export async function chooseData({ record }: ImageClassifier, wanted: string | undefined): Promise<string> {
  const { labels } = record.classes;
  const suitable = SETS[labels] ?? [];
  if (wanted !== undefined) {
    const { name } = findDataset(wanted);
    if (suitable.includes(name)) return name;
    throw new KitError(
      "bad-option",
      `${record.name} classifies ${labels}, which ${name} does not show: use ${suitable.join(" or ")}`,
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

/** Loads a data set: its test split by default, if it has one. */
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
