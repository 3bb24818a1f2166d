/**
 * Digits drawn by rule, and networks that train on them without a data set. Runs on Node and in browsers.
 *
 * @packageDocumentation
 */
export { drawnDigits } from "./digits.ts";
export {
  DRAWN,
  type DrawnRecipe,
  drawnRecipes,
  type Learned,
  type LearnOptions,
  learnDrawn,
} from "./learn.ts";
