/** Depth estimation with two networks small enough for tests; they have the same parameters, as V1 and V2 have. */
import { DepthAnything, type DepthAnythingConfig, networks } from "../../src/index.ts";

/** 4 x 4 patches are stored. */
export const TINY: DepthAnythingConfig = {
  encoder: { dim: 12, depth: 4, heads: 2, image: 56 },
  features: 8,
  outChannels: [4, 6, 8, 10],
  taps: [0, 1, 2, 3],
};
const INDOOR = { ...TINY, maxDepth: 20 };

for (const [name, config] of Object.entries({ depth_tiny: TINY, depth_tiny_metric: INDOOR }))
  networks.add({
    name,
    family: "Depth Anything",
    year: 2025,
    paper: "None",
    input: [3, 56, 56],
    create: (options?: object) => new DepthAnything({ ...config, ...options }),
    sources: {},
  });

export { depthEstimation } from "../../src/index.ts";
