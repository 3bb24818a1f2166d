/**
 * The recipes of depth estimation. Node only.
 *
 * @packageDocumentation
 */
import type { Recipe } from "@tessera-ml/kit/training";
import { depthMetric } from "./metric.ts";
import { depthStudent } from "./student.ts";
import { depthTeacher } from "./teacher.ts";

export const recipes: readonly Recipe[] = [depthTeacher, depthStudent, depthMetric];
