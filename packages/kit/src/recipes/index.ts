/**
 * Recipes: data, network and training that together give a known result. Node only.
 *
 * @packageDocumentation
 */
export type { OptionValues } from "../options.ts";
export { pathOption } from "../path-option.ts";
export {
  defineRecipe,
  type Measurable,
  type RecipeDefinition,
  type RecipePlan,
  type RecipeSetting,
  readResult,
} from "./define.ts";
export {
  describeExpected,
  type Expectation,
  meets,
  type Recipe,
  type RecipeOptions,
  type RecipeResult,
  type RecipeSummary,
} from "./recipe.ts";
export type { ShipOptions } from "./ship.ts";
