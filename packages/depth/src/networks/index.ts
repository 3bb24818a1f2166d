/** Every network of the package by name. */
import { Networks } from "@tessera-ml/kit/networks";
import { depthAnythings } from "./depth-anything.ts";
import { depthLites } from "./depth-lite.ts";
import { dinov2s } from "./dinov2.ts";
import { midas } from "./midas.ts";

// One line per family.
export const networks = new Networks([...dinov2s, ...depthAnythings, ...midas, ...depthLites]);
