/** Every network of the package by name. */
import { Networks } from "@tessera-ml/kit/networks";
import { sams } from "./sam.ts";

// One line per family.
export const networks = new Networks([...sams]);
