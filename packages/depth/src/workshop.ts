/** Depth estimation's training, measuring and further commands. Node only. */
import { pseudoLabelCommand } from "./pseudo-label/command.ts";

export { golden } from "./golden.ts";
export { recipes } from "./recipes/index.ts";

export const commands = { "pseudo-label": pseudoLabelCommand };
