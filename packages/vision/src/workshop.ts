/** Training, evaluation and export of image classifiers. Node only. */
export { evaluateOn as evaluate, showEvaluation } from "./evaluate/index.ts";
export { exportOnnx } from "./export.ts";
export { golden } from "./golden.ts";
export { recipes } from "./recipes/index.ts";
export { studies } from "./studies/index.ts";
