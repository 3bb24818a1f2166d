import { type Case, type Check, together } from "@tessera-ml/kit/golden";
import { Planes, stack } from "@tessera-ml/media";
import { type Checked, number, record } from "@tessera-ml/nn/golden";
import { moduleOutputs } from "@tessera-ml/nn/inspect";
import { fromArray, type Tensor } from "@tessera-ml/tensor";
import { DepthAnything, type DepthAnythingConfig, depthAnythingConfigs } from "../models/depth-anything.ts";
import { type DepthPreset, depthPresets, preprocessDepth, restoreDepth } from "../preprocess.ts";
import { type CheckedNetwork, caseImage, checkNetwork, comparePlanes } from "./case.ts";

export const check: Check = async (golden) => {
  const config = record(golden.golden.config, `${golden.name}.config`);
  const named = presetOf(golden.name, String(config.encoder), config.max_depth);
  const theirs = [config.features, config.out_channels, config.taps, config.max_depth];
  const ours = [named.features, named.outChannels, named.taps, named.maxDepth];
  if (JSON.stringify(ours) !== JSON.stringify(theirs))
    throw new Error(
      `${golden.name}: expected the config ${JSON.stringify(theirs)}, got ${JSON.stringify(ours)}`,
    );
  const model = new DepthAnything(named);
  const network = { model, trace: (x: Tensor) => traceDepthAnything(model, x) };
  const { photograph } = record(golden.golden.input, `${golden.name}.input`);
  return photograph === undefined
    ? await checkNetwork(golden, network)
    : await checkPhotograph(golden, network);
};

/** Our preset for a case: `da1/…`, `da2/…`, `da2-metric/…`. */
function presetOf(name: string, encoder: string, maxDepth: unknown): DepthAnythingConfig {
  const group = name.split("/")[0];
  const data = maxDepth === 80 ? "vkitti" : "hypersim";
  const key =
    group === "da1"
      ? `depth_anything_${encoder}14`
      : `depth_anything_v2_${group === "da2-metric" ? `metric_${data}_` : ""}${encoder}`;
  const found = (depthAnythingConfigs as Readonly<Record<string, DepthAnythingConfig>>)[key];
  if (!found) throw new Error(`${name}: no network is called ${key}`);
  return found;
}

/** From the file to a map of its size. */
async function checkPhotograph(golden: Case, network: CheckedNetwork): Promise<Checked> {
  const where = `${golden.name}.input`;
  const input = record(golden.golden.input, where);
  const image = await caseImage(input, where, golden.path);
  const preset: DepthPreset = { ...depthPresets.depth_anything_v2, size: number(input, "inputSize", where) };
  const pixels = preprocessDepth(image, preset);
  const { data, shape } = stack([pixels]);
  const checked = await checkNetwork(golden, {
    ...network,
    input: fromArray(data as Float32Array<ArrayBuffer>, shape),
    finish: async (output) => {
      const [, height, width] = output.shape as [number, number, number];
      const map = new Planes(1, height, width, (await output.data()) as Float32Array);
      const { data, height: h, width: w } = restoreDepth(map, image, preset);
      return fromArray(data as Float32Array<ArrayBuffer>, [h, w]);
    },
  });
  return { ...checked, ...together([checked, comparePlanes(pixels, input.pixels, "pixels", 5e-4)]) };
}

/** All that is computed on the way to a depth map, by the names of the golden files. */
export function traceDepthAnything(model: DepthAnything, x: Tensor): Map<string, Tensor> {
  const outputs = new Map<string, Tensor>();
  const modules = moduleOutputs(model, () => model.forward(x));
  for (const [path, output] of modules)
    outputs.set(path.replace(/^depth_head\.(scratch\.)?/, "").replace(/^pretrained\./, ""), output);
  for (const [i, tap] of model.config.taps.entries()) {
    const tokens = modules.get(i === 0 ? "pretrained.norm" : `pretrained.norm@${i}`) as Tensor;
    outputs.set(`tap.${tap}`, tokens.narrow(1, 1, (tokens.shape[1] as number) - 1));
  }
  return outputs.set("tokens", model.pretrained.embed(x)).set("output", modules.get("") as Tensor);
}
