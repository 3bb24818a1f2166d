/** What is known of a network that a recipe trained. */
import { type ClassifierRecord, TASK } from "../records/record.ts";
import type { Recipe } from "./recipe.ts";

/** The file of a network, in a run's folder and where it is shipped. */
export const MODEL = "model.safetensors";

/**
 * The record of a trained network: with it as `record.json` beside {@link MODEL}, the network is a checkpoint like
 * any other, read with the preprocessing it was trained with.
 *
 * @param name `network.tag`
 * @param top1 in per cent, on the test set of `dataset`
 */
export function recordOf(
  recipe: Pick<Recipe, "network" | "preprocessing" | "classes" | "paper"> & { readonly dataset: string },
  name: string,
  top1: number | undefined,
): ClassifierRecord {
  return {
    name,
    task: TASK,
    network: recipe.network,
    source: "tessera",
    files: [{ file: MODEL }],
    licence: "Apache-2.0",
    preprocessing: recipe.preprocessing,
    classes: recipe.classes,
    ...(top1 !== undefined && {
      evaluation: { dataset: recipe.dataset, metrics: { top1: Number(top1.toFixed(2)) } },
    }),
    reference: recipe.paper,
  };
}
