/**
 * Recipes: data, network and training that together give a known result. Node only.
 *
 * @packageDocumentation
 */
import { closest } from "@tessera-ml/hub";
import { cifarLineage } from "./cifar.ts";
import { cifarSpeedrun } from "./cifar-speedrun.ts";
import { digitnet } from "./digitnet.ts";
import { lecun1989 } from "./lecun1989.ts";
import { lenet5 } from "./lenet5.ts";
import type { Recipe } from "./recipe.ts";

export type { Expectation, Recipe, RecipeOptions, RecipeResult } from "./recipe.ts";
export { type ShipOptions, shipRecipe } from "./ship.ts";
export { readResult } from "./train.ts";

const recipes: readonly Recipe[] = [lecun1989, lenet5, digitnet, ...cifarLineage, cifarSpeedrun];

/** All recipes, in the order of their papers. */
export function listRecipes(): Recipe[] {
  return [...recipes];
}

/** A recipe by name; throws naming those like it. */
export function findRecipe(name: string): Recipe {
  const found = recipes.find((recipe) => recipe.name === name);
  if (found) return found;
  const names = recipes.map((recipe) => recipe.name);
  const near = closest(name, names);
  const hint = near.length > 0 ? `Did you mean ${near.join(" or ")}?` : `There are ${names.join(", ")}.`;
  throw new Error(`no recipe is called ${JSON.stringify(name)}. ${hint}`);
}
