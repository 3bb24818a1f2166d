/** Promptable segmentation's training and checks. Node only. */
export { golden } from "./golden.ts";
export { recipes } from "./recipes/index.ts";
