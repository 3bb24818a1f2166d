/** MiDaS v2.1 and DPT. */
import { record } from "@tessera-ml/nn/golden";
import { moduleOutputs } from "@tessera-ml/nn/inspect";
import type { Tensor } from "@tessera-ml/tensor";
import { DPT, type DPTConfig, dptConfigs } from "../models/midas/dpt.ts";
import { MidasNet, type MidasNetConfig, midasConfigs } from "../models/midas/midas-net.ts";
import { SwinV2Encoder } from "../models/midas/swin-v2.ts";
import { dptFromHuggingFace } from "../naming.ts";
import { type Case, type Check, checkNetwork } from "./case.ts";
import { checkKeys } from "./transformers.ts";

export const check: Check = async (golden) => {
  if (golden.golden.map !== undefined) {
    const model = new DPT(dptConfigs.dpt_large_384);
    return checkKeys(golden, [...model.stateDict().keys()], dptFromHuggingFace);
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
