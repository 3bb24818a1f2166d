/** MiDaS v2.1 and DPT. */

import type { Case, Check } from "@tessera-ml/kit/golden";
import { record } from "@tessera-ml/nn/golden";
import { moduleOutputs } from "@tessera-ml/nn/inspect";
import type { Tensor } from "@tessera-ml/tensor";
import { DPT, type DPTConfig, dptConfigs } from "../models/midas/dpt.ts";
import { MidasNet, type MidasNetConfig, midasConfigs } from "../models/midas/midas-net.ts";
import { SwinV2Encoder } from "../models/midas/swin-v2.ts";
import { dptFromHuggingFace } from "../naming.ts";
import { networks } from "../networks/index.ts";
import { checkNetwork } from "./case.ts";
import { checkKeys } from "./transformers.ts";

export const check: Check = async (golden) => {
  if (golden.golden.map !== undefined) {
    const model = new DPT(dptConfigs.dpt_large_384);
    return checkKeys(golden, [...model.stateDict().keys()], dptFromHuggingFace);
  }
  if (golden.name.startsWith("hf/")) {
    const { create } = networks.find("hf/Intel/dpt-large");
    const model = create() as DPT;
    const naming = dptFromHuggingFace;
    return await checkNetwork(golden, { model, naming, trace: (x) => asInTransformers(trace(model, x)) });
  }
  const model = modelOf(golden);
  return await checkNetwork(golden, { model, trace: (x) => trace(model, x) });
};

function modelOf({ name, golden }: Case): MidasNet | DPT {
  const file = String(record(golden.config, `${name}.config`).file).replace(/\.pt$/, "");
  const convolutional = (midasConfigs as Readonly<Record<string, MidasNetConfig>>)[file];
  if (convolutional) return new MidasNet(convolutional);
  const config = (dptConfigs as Readonly<Record<string, DPTConfig>>)[file];
  if (!config) throw new Error(`${name}.config.file: no network is called ${file}`);
  return new DPT(config);
}

/** Adds the names of transformers, which counts fusions from coarse to fine. */
function asInTransformers(outputs: Map<string, Tensor>): Map<string, Tensor> {
  const alias = (name: string, ours: string) => {
    const output = outputs.get(ours);
    if (output) outputs.set(name, output);
  };
  for (let i = 0; i < 4; i++) {
    alias(`reassemble.${i}`, `layer${i + 1}_rn.in`);
    alias(`convs.${i}`, `layer${i + 1}_rn`);
    alias(`fusion.${i}`, `refinenet${4 - i}`);
  }
  for (let i = 0; i < 5; i++) alias(`head.${i}`, `output_conv.${i}`);
  alias("tokens", "blocks.0 in");
  return outputs;
}

/** All that is computed on the way, by the names of the golden files. */
function trace(model: MidasNet | DPT, x: Tensor): Map<string, Tensor> {
  const outputs = new Map<string, Tensor>();
  let maps: readonly Tensor[] = [];
  let output: Tensor | undefined;
  const modules = moduleOutputs(model, () => {
    maps = model.pretrained.forward(x);
    output = model.scratch.forward(maps as Parameters<typeof model.scratch.forward>[0]);
  });
  for (const [path, value] of modules)
    outputs.set(path, value).set(path.replace(/^(scratch|pretrained\.model)\./, ""), value);
  for (const [i, map] of maps.entries()) outputs.set(`layer${i + 1}_rn.in`, map);
  if (model instanceof DPT && "model" in model.pretrained) {
    const encoder = model.pretrained.model;
    if (encoder instanceof SwinV2Encoder)
      outputs.set("patchEmbed", modules.get("pretrained.model.patch_embed")!);
    else outputs.set("blocks.0 in", encoder.embed(x).tokens);
  }
  return outputs.set("output", output as Tensor);
}
