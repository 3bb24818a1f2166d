/** Image classification's training and measuring. Node only. */
export { evaluateOn as evaluate, showEvaluation } from "./evaluate/index.ts";
export { exportOnnx } from "./export.ts";
export { golden } from "./golden.ts";
export { recipes } from "./recipes/index.ts";
export { studies } from "./studies/index.ts";
