/** Image classification: from the bytes of a file to the five most probable classes. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sourceShape } from "@tessera-ml/kit/networks";
import { IMAGENET_MEAN, IMAGENET_STD } from "@tessera-ml/media";
import { compile, exportOnnx, fromArray, type Tensor, zeros } from "@tessera-ml/tensor";
import { type Classifier, networks as registry } from "@tessera-ml/vision";
import { parameter } from "./fill.ts";
import type { Workload } from "./list.ts";

/** torchvision's names; all take 224x224 images after a resize to 256. */
export const networks = ["mobilenet_v2", "resnet50", "vit_b_16"] as const;
export type NetworkName = (typeof networks)[number];

/** Images per call in `throughput.*`. */
export const batchSize = 8;

/** Multiplications and additions per image at 224x224. */
const flops: Readonly<Record<NetworkName, number>> = {
  mobilenet_v2: 2 * 0.301e9,
  resnet50: 2 * 4.089e9,
  vit_b_16: 2 * 17.564e9,
};

export const workloads: readonly Workload[] = networks.flatMap((name) => [
  { name: `latency.${name}`, flops: flops[name], warmUp: 3 },
  { name: `throughput.${name}`, flops: batchSize * flops[name], warmUp: 2 },
]);

/** `latency.resnet50` → the network and the number of images per call. */
export function parse(workload: string): { network: NetworkName; images: number } {
  const [kind, network] = workload.split(".") as ["latency" | "throughput", NetworkName];
  return { network, images: kind === "latency" ? 1 : batchSize };
}

/** The network with the parameters that every contestant generates from torchvision's names. */
export function filled(network: NetworkName): Classifier {
  const { create, naming } = registry.find(`torchvision/${network}`);
  const model = create().eval();
  for (const [path, variable] of model.stateDict()) {
    if (path.endsWith("num_batches_tracked")) continue;
    const key = naming.keyOf(path);
    const values: Tensor = fromArray(
      parameter(key, sourceShape(naming, key, variable.shape)),
      variable.shape,
    );
    variable.assign(values);
  }
  return model;
}

/** `start.NETWORK`: a process, from its start to the printed result for one image. */
export const starts: readonly Workload[] = [
  { name: "start.mobilenet_v2", flops: flops.mobilenet_v2, warmUp: 2 },
];

/** The image processor of all three networks, as on their Hugging Face model pages. */
const processor = {
  image_processor_type: "ConvNextFeatureExtractor",
  do_normalize: true,
  do_resize: true,
  crop_pct: 0.875,
  resample: 2,
  size: { shortest_edge: 224 },
  image_mean: IMAGENET_MEAN,
  image_std: IMAGENET_STD,
};
const modelTypes: Readonly<Record<NetworkName, string>> = {
  mobilenet_v2: "mobilenet_v2",
  resnet50: "resnet",
  vit_b_16: "vit",
};

/** Writes the contestants' input: a checkpoint of each network, and its ONNX graph for one image and for a batch. */
export async function writeModels(folder: string): Promise<void> {
  const labels = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, `class ${i}`]));
  for (const network of networks) {
    const model = filled(network);
    await model.save(join(folder, `${network}.safetensors`));
    const run = compile((x: Tensor) => model.forward(x), { freeze: true, name: network });
    for (const images of [1, batchSize]) {
      const names = { inputNames: ["pixel_values"], outputNames: ["logits"] };
      const exported = await exportOnnx(run, [zeros([images, 3, 224, 224])], names);
      const home = join(folder, `${network}-${images}`);
      await mkdir(join(home, "onnx"), { recursive: true });
      await writeFile(join(home, "onnx", "model.onnx"), exported.model);
      await writeFile(join(home, "preprocessor_config.json"), JSON.stringify(processor));
      const config = { model_type: modelTypes[network], id2label: labels };
      await writeFile(join(home, "config.json"), JSON.stringify(config));
    }
    run.release();
  }
}
