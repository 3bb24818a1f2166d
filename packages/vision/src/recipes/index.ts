/**
 * Recipes: data, network and training that together give a known result. Node only.
 *
 * @packageDocumentation
 */
import { unknownName } from "@tessera-ml/hub";
import { cifarLineage } from "./cifar.ts";
import { cifarSpeedrun } from "./cifar-speedrun.ts";
import { digitnet } from "./digitnet.ts";
import { lecun1989 } from "./lecun1989.ts";
import { lenet5 } from "./lenet5.ts";
import type { Recipe } from "./recipe.ts";

export type { Expectation, Recipe, RecipeOptions, RecipeResult } from "./recipe.ts";
export { recordOf } from "./record.ts";
export { type ShipOptions, shipRecipe } from "./ship.ts";
export { readResult } from "./train.ts";

const recipes: readonly Recipe[] = [lecun1989, lenet5, digitnet, ...cifarLineage, cifarSpeedrun];

/** All recipes, in the order of their papers. */
export function listRecipes(): Recipe[] {
  return [...recipes];
}

/** @throws HubError `unknown-name`, with the names most like it */
export function findRecipe(name: string): Recipe {
  const found = recipes.find((recipe) => recipe.name === name);
  if (found) return found;
  const names = recipes.map((recipe) => recipe.name);
  throw unknownName("recipe", name, names, "tessera train");
}
