/** Depth estimation's training and measuring. Node only. */
export { golden } from "./golden.ts";
export { recipes } from "./recipes/index.ts";
