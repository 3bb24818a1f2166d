import type { Check, Json } from "@tessera-ml/kit/golden";
import { numbers, record } from "@tessera-ml/nn/golden";
import { moduleOutputs } from "@tessera-ml/nn/inspect";
import type { Tensor } from "@tessera-ml/tensor";
import { DinoV2, type DinoV2Config } from "../models/dinov2.ts";
import { checkNetwork } from "./case.ts";

export const check: Check = (golden) => {
  const model = new DinoV2(configOf(record(golden.golden.config, `${golden.name}.config`), golden.name));
  return checkNetwork(golden, { model, trace: (x) => trace(model, x) });
};

function configOf(config: Json, name: string): DinoV2Config {
  const [dim, depth, heads, patch, image, registers] = numbers(
    ["dim", "depth", "heads", "patch", "image", "registers"].map((field) => config[field]),
    `${name}.config`,
  ) as [number, number, number, number, number, number];
  return {
    ...{ dim, depth, heads, patch, image, registers },
    ffn: config.ffn === "mlp" ? "mlp" : "swiglu",
    ...(typeof config.hidden === "number" ? { hidden: config.hidden } : {}),
    ...(typeof config.interpolateOffset === "number" ? { interpolateOffset: config.interpolateOffset } : {}),
    interpolateAntialias: config.interpolateAntialias === true,
  };
}

/** Every block's output, and what the file calls its taps. */
function trace(model: DinoV2, x: Tensor): Map<string, Tensor> {
  const taps = model.blocks.map((_, i) => i);
  let features: ReturnType<DinoV2["intermediateLayers"]> = [];
  const outputs = moduleOutputs(model, () => {
    features = model.intermediateLayers(x, taps);
  });
  for (const [i, { patches, cls }] of features.entries())
    outputs.set(`tap.${i}.tokens`, patches).set(`tap.${i}.cls`, cls);
  const last = features.at(-1)!;
  return outputs
    .set("patchEmbed", outputs.get("patch_embed")!)
    .set("posEmbed", model.positions(model.grid(x)))
    .set("blocks.0 in", model.embed(x))
    .set("x_norm_clstoken", last.cls)
    .set("x_norm_regtokens", last.registers);
}
