/** Questions about what is inside a classifier. */
import { operations } from "@tessera-ml/vision/schemas";
import { questionsOf } from "../../engine/engine.ts";
import { TASK } from "./state.ts";

/** How many maps of a part are shown. */
export const MAPS = 32;

/** `features`: what comes out of a part, strongest channels first. */
export const { features, gradcam, attention, receptiveField } = questionsOf(TASK, operations);
