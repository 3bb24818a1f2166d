/** What the list of networks says of one. */
import { accuracyOf, type ClassifierRecord, findNetwork, inputShapeOf } from "@tessera-ml/vision";
import { type ModelInfo, titleOf } from "../api/index.ts";

/** Where a checkpoint's file lies, and its bytes, where they are known. */
export interface Where {
  readonly place: ModelInfo["place"];
  readonly size?: number | undefined;
}

/** @param cost multiplications are counted for one image, or not yet */
export function infoOf(
  record: ClassifierRecord,
  { params, macs }: Pick<ModelInfo, "params" | "macs">,
  { place, size }: Where,
): ModelInfo {
  const { name, classes, note, preprocessing } = record;
  const accuracy = accuracyOf(record);
  const { entry } = findNetwork(record);
  return {
    name,
    task: "image-classification",
    network: entry.name,
    title: titleOf(entry.name),
    family: entry.family,
    year: entry.year,
    paper: entry.paper,
    params,
    ...(macs !== undefined && { macs }),
    inputSize: inputShapeOf(record)[2],
    channels: preprocessing.mean.length,
    classes: { count: classes.count, kind: classes.labels },
    ...(accuracy && { accuracy }),
    place,
    ...(size !== undefined && { sizeBytes: size }),
    ...(note !== undefined && { note }),
  };
}
