/** Questions about what is inside a depth network. */
import { operations } from "@tessera-ml/depth/schemas";
import type { Question } from "../../engine/engine.ts";
import { TASK } from "./state.ts";

function question<N extends keyof typeof operations>(
  name: N,
): Question<ReturnType<(typeof operations)[N]["answer"]["parse"]>> {
  const { path, answer } = operations[name];
  return { task: TASK, name, path, answer } as never;
}

export const attention = question("attention");
export const tokens = question("tokens");
export const stages = question("stages");
