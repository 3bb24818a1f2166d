/** Questions about what is inside a classifier. */
import { operations } from "@tessera-ml/vision/schemas";
import type { Question } from "../../engine/engine.ts";
import { TASK } from "./state.ts";

/** How many maps of a part are shown. */
export const MAPS = 32;

function question<N extends keyof typeof operations>(
  name: N,
): Question<ReturnType<(typeof operations)[N]["answer"]["parse"]>> {
  const { path, answer } = operations[name];
  return { task: TASK, name, path, answer } as never;
}

/** What comes out of a part, strongest channels first. */
export const features = question("features");
export const gradcam = question("gradcam");
export const attention = question("attention");
export const receptiveField = question("receptiveField");
