/** Depth Anything in transformers: published names, and positions resized by the size. */

import type { Case, Check } from "@tessera-ml/kit/golden";
import { keysOf, type Naming } from "@tessera-ml/kit/networks";
import { type Checked, numbers, record } from "@tessera-ml/nn/golden";
import type { Tensor } from "@tessera-ml/tensor";
import {
  asInTransformers,
  DepthAnything,
  type DepthAnythingConfig,
  depthAnythingConfigs,
  depthAnythingSizes,
} from "../models/depth-anything.ts";
import type { Four } from "../models/dpt-head.ts";
import { depthAnythingFromHuggingFace } from "../naming.ts";
import { checkNetwork } from "./case.ts";
import { traceDepthAnything } from "./depth-anything.ts";

export const check: Check = async (golden) => {
  if (golden.golden.map !== undefined) {
    const model = new DepthAnything(depthAnythingConfigs.depth_anything_v2_vits);
    return checkKeys(golden, [...model.stateDict().keys()], depthAnythingFromHuggingFace);
  }
  const model = new DepthAnything(asInTransformers(configOf(golden)));
  return await checkNetwork(golden, {
    model,
    naming: depthAnythingFromHuggingFace,
    trace: (x) => trace(model, x),
  });
};

function configOf({ name, golden }: Case): DepthAnythingConfig {
  const config = record(golden.config, `${name}.config`);
  const size = { small: "vits", base: "vitb", large: "vitl" }[
    String(config.size)
  ] as keyof typeof depthAnythingSizes;
  if (!size)
    throw new Error(`${name}.config.size: expected small, base or large, got ${String(config.size)}`);
  // `hidden_states` of transformers begin with the embeddings.
  const taps = numbers(config.out_indices, `${name}.config.out_indices`).map((index) => index - 1);
  return {
    ...depthAnythingSizes[size],
    taps: taps as unknown as Four<number>,
    ...(typeof config.max_depth === "number" && config.max_depth > 1 ? { maxDepth: config.max_depth } : {}),
  };
}

function trace(model: DepthAnything, x: Tensor): Map<string, Tensor> {
  const outputs = traceDepthAnything(model, x);
  for (let i = 0; i < 4; i++)
    outputs
      .set(`reassemble.${i}`, outputs.get(`resize_layers.${i}`) as Tensor)
      .set(`convs.${i}`, outputs.get(`layer${i + 1}_rn`) as Tensor)
      .set(`fusion.${i}`, outputs.get(`refinenet${4 - i}`) as Tensor);
  return outputs
    .set("head.conv1", outputs.get("output_conv1") as Tensor)
    .set("head.conv3", outputs.get("output_conv2.2") as Tensor)
    .set("posEmbed", model.pretrained.positions(model.pretrained.grid(x)));
}

/** A published key and our path for it, with the third of a fused tensor that it is. */
export function checkKeys({ name, golden }: Case, paths: readonly string[], naming: Naming): Checked {
  const ours = new Map(
    paths.flatMap((path) => {
      const parts = keysOf(naming, path);
      return parts.map((part, i) => [part, JSON.stringify([path, parts.length === 1 ? null : i])] as const);
    }),
  );
  const problems = Object.entries(record(golden.map, `${name}.map`)).flatMap(([key, source]) => {
    const got = ours.get(key);
    return got === JSON.stringify(source) ? [] : [`${key}: expected ${JSON.stringify(source)}, got ${got}`];
  });
  return { deviation: problems.length === 0 ? 0 : Number.POSITIVE_INFINITY, problems };
}
