/** Depth estimation with networks small enough for tests; the first two have the same parameters, as V1 and V2 have. */
import type { Module } from "@tessera-ml/nn";
import {
  DepthAnything,
  DepthAnything3Mono,
  type DepthAnythingConfig,
  networks,
  VideoDepthAnything,
} from "../../src/index.ts";

/** 4 x 4 patches are stored. */
export const TINY: DepthAnythingConfig = {
  encoder: { dim: 12, depth: 4, heads: 2, image: 56 },
  features: 8,
  outChannels: [4, 6, 8, 10],
  taps: [0, 1, 2, 3],
};
/** Temporal modules need multiples of 32 channels. */
const CLIP = { ...TINY, features: 32, outChannels: [4, 6, 32, 32] } as const;

const tiny: Readonly<Record<string, (options?: object) => Module>> = {
  depth_tiny: (options) => new DepthAnything({ ...TINY, ...options }),
  depth_tiny_metric: (options) => new DepthAnything({ ...TINY, maxDepth: 20, ...options }),
  depth_tiny_3: () => new DepthAnything3Mono(TINY),
  depth_tiny_video: () => new VideoDepthAnything(CLIP),
};

for (const [name, create] of Object.entries(tiny))
  networks.add({
    ...{ name, family: "Depth Anything", year: 2025, paper: "None", create, sources: {} },
    input: name === "depth_tiny_video" ? [32, 3, 56, 56] : [3, 56, 56],
  });

export { depthEstimation } from "../../src/index.ts";
