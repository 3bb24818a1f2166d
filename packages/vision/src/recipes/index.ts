/**
 * The recipes of image classification. Node only.
 *
 * @packageDocumentation
 */

import { cifarLineage } from "./cifar.ts";
import { cifarSpeedrun } from "./cifar-speedrun.ts";
import type { ClassifierRecipe } from "./define.ts";
import { digitnet } from "./digitnet.ts";
import { lecun1989 } from "./lecun1989.ts";
import { lenet5 } from "./lenet5.ts";

/** In order of publication. */
export const recipes: readonly ClassifierRecipe[] = [
  lecun1989,
  lenet5,
  digitnet,
  ...cifarLineage,
  cifarSpeedrun,
];

export { type ClassifierRecipe, type ClassifierRecipeDefinition, defineClassifierRecipe } from "./define.ts";
