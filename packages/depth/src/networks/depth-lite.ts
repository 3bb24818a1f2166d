/** Our own small network. */
import type { Network } from "@tessera-ml/kit/networks";
import { DepthLite } from "../models/depth-lite.ts";

export const depthLites: readonly Network[] = [
  {
    name: "depth_lite0",
    family: "MiDaS",
    year: 2026,
    paper: "Depth Anything: Unleashing the Power of Large-Scale Unlabeled Data",
    input: [3, 224, 288],
    create: (options?: object) => new DepthLite(options),
    sources: {},
  },
];
