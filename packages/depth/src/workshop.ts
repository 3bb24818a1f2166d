/** Depth estimation's training, measuring and further commands. Node only. */
import { pseudoLabelCommand } from "./pseudo-label/command.ts";

export { evaluateOn as evaluate } from "./evaluate/checkpoint.ts";
export { showEvaluation } from "./evaluate/show.ts";
export { golden } from "./golden.ts";
export { recipes } from "./recipes/index.ts";
export { studies } from "./studies/index.ts";

/** Evaluations offer reports. */
export const reports = true;

export const commands = { "pseudo-label": pseudoLabelCommand };
