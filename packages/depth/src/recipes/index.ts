/**
 * The recipes of depth estimation. Node only.
 *
 * @packageDocumentation
 */
import type { Recipe } from "@tessera-ml/kit/training";
import { depthMetric } from "./metric.ts";

export const recipes: readonly Recipe[] = [depthMetric];
