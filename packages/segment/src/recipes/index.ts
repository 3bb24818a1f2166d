/**
 * The recipes of promptable segmentation. Node only.
 *
 * @packageDocumentation
 */
import type { Recipe } from "@tessera-ml/kit/training";
import { segment } from "./segment.ts";

export const recipes: readonly Recipe[] = [segment];
