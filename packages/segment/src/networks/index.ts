/** Every network of the package by name. */
import { type Network, Networks } from "@tessera-ml/kit/networks";
import { sams } from "./sam.ts";
import { sam2Lites, sam2s } from "./sam2.ts";

// One line per family.
export const networks = new Networks<Network>([...sams, ...sam2s, ...sam2Lites]);
