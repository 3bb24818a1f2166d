/** Every network, by the name of its published file. */
import type { Module } from "@tessera-ml/nn";
import {
  depthAnything3FromHuggingFace,
  depthAnythingFromHuggingFace,
  dinov2FromHuggingFace,
} from "../naming.ts";
import type { Naming } from "../naming-types.ts";
import { DepthAnything, depthAnythingConfigs } from "./depth-anything.ts";
import { DepthAnything3Mono, depthAnything3Configs } from "./depth-anything-3.ts";
import { DinoV2, dinov2Configs } from "./dinov2.ts";
import { VideoDepthAnything, videoDepthAnythingConfigs } from "./video-depth-anything.ts";

export interface NetworkEntry {
  readonly create: () => Module;
  /** Names under which others publish the same parameters, by who they are. */
  readonly namings?: Readonly<Record<string, Naming>>;
}

function entries<C>(
  configs: Readonly<Record<string, C>>,
  create: (config: C) => Module,
  namings: Readonly<Record<string, Naming>> = {},
): Record<string, NetworkEntry> {
  return Object.fromEntries(
    Object.entries(configs).map(([name, config]) => [name, { create: () => create(config), namings }]),
  );
}

// One line per family.
export const NETWORKS: Readonly<Record<string, NetworkEntry>> = {
  ...entries(dinov2Configs, (config) => new DinoV2(config), { hf: dinov2FromHuggingFace }),
  ...entries(depthAnythingConfigs, (config) => new DepthAnything(config), {
    hf: depthAnythingFromHuggingFace,
  }),
  ...entries(videoDepthAnythingConfigs, (config) => new VideoDepthAnything(config)),
  ...entries(depthAnything3Configs, (config) => new DepthAnything3Mono(config), {
    hf: depthAnything3FromHuggingFace,
  }),
};
