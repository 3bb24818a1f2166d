/** Questions about what is inside a depth network. */
import { operations } from "@tessera-ml/depth/schemas";
import { questionsOf } from "../../engine/engine.ts";
import { TASK } from "./state.ts";

export const { attention, tokens, stages } = questionsOf(TASK, operations);
