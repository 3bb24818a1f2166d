/** Depth estimation's measuring. Node only. */
export { golden } from "./golden.ts";
