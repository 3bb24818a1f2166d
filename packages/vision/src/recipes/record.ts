/** What is known of a network that a recipe trained. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import { findModel } from "../registry.ts";
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
): CheckpointRecord {
  return {
    name,
    family: findModel(recipe.network).entry.family,
    preset: recipe.network,
    source: "tessera",
    file: MODEL,
    licence: "Apache-2.0",
    preprocessing: recipe.preprocessing,
    classes: recipe.classes,
    ...(top1 !== undefined && { accuracy: { dataset: recipe.dataset, top1: Number(top1.toFixed(2)) } }),
    reference: recipe.paper,
  };
}
