/** How lists describe a classifier's record. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import type { Network } from "@tessera-ml/kit";
import type { ClassifierNetwork } from "./networks/index.ts";
import type { ClassifierRecord, Preprocessing } from "./records/record.ts";
import { titleOf } from "./title.ts";

export function describeRecord(record: CheckpointRecord): [string, string][] {
  const { classes, preprocessing } = record as ClassifierRecord;
  return [
    ["classes", `${classes.count.toLocaleString("en")} (${classes.labels})`],
    ["preprocessing", describePreprocessing(preprocessing)],
  ];
}

/** Class count and accuracy as JSON, for `tessera models --json`. */
export function recordJson(network: Network, record: CheckpointRecord | undefined): object {
  const { classes } = (record ?? {}) as Partial<ClassifierRecord>;
  const { evaluation } = record ?? {};
  return {
    classes: classes?.count ?? (network as ClassifierNetwork).classes,
    accuracy: evaluation && { dataset: evaluation.dataset, ...evaluation.metrics },
  };
}

/** Fields of a classifier in the studio's list. */
export function info(network: Network, record: CheckpointRecord): object {
  const { classes, preprocessing, evaluation } = record as ClassifierRecord;
  const [, height] = inputOf(network, record);
  return {
    title: titleOf(network.name),
    inputSize: height,
    channels: preprocessing.mean.length,
    classes: { count: classes.count, kind: classes.labels },
    ...(evaluation && { accuracy: { dataset: evaluation.dataset, ...evaluation.metrics } }),
  };
}

/** Input of the record's network, [C, H, W], as its preprocessing defines it. */
export function inputOf(network: Network, record: CheckpointRecord): [number, number, number] {
  const { crop, resize, mean } = (record as ClassifierRecord).preprocessing;
  const { inputSize } = network as ClassifierNetwork;
  const [height, width] = crop ?? (typeof resize === "object" ? resize : [inputSize, inputSize]);
  return [mean.length, height, width];
}

function describePreprocessing({
  library,
  interpolation,
  resize,
  crop,
  mean,
  std,
  centralFraction,
}: Preprocessing): string {
  const steps = [
    centralFraction !== undefined && `the central ${100 * centralFraction} %`,
    resize !== undefined &&
      (typeof resize === "number" ? `shorter side to ${resize}` : `resized to ${resize.join(" × ")}`),
    crop !== undefined && `${crop.join(" × ")} from the centre`,
    `${interpolation} as in ${library}`,
    `mean ${mean.join(" ")}, std ${std.join(" ")}`,
  ];
  return steps.filter(Boolean).join("; ");
}
