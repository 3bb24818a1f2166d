/** The record of a classifier trained here. */
import { MODEL } from "@tessera-ml/kit";
import { type ClassifierRecord, TASK } from "../records/record.ts";
import type { ClassifierRecipeDefinition } from "./define.ts";

/**
 * @param name `network.tag`
 * @param top1 per cent, on the test set of `dataset`
 */
export function trainedRecord(
  {
    network,
    preprocessing,
    classes,
    paper,
    dataset,
  }: Pick<ClassifierRecipeDefinition, "network" | "preprocessing" | "classes" | "paper"> & {
    readonly dataset: string;
  },
  name: string,
  top1: number | undefined,
): ClassifierRecord {
  return {
    name,
    task: TASK,
    network,
    source: "tessera",
    files: [{ file: MODEL }],
    licence: "Apache-2.0",
    preprocessing,
    classes,
    ...(top1 !== undefined && { evaluation: { dataset, metrics: { top1: Number(top1.toFixed(2)) } } }),
    reference: paper,
  };
}
