/** Depth from one photograph: from the bytes of a file to a map of its size. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DepthEstimator, networks as registry } from "@tessera-ml/depth";
import { keysOf } from "@tessera-ml/kit/networks";
import { IMAGENET_MEAN, IMAGENET_STD, type Size } from "@tessera-ml/media";
import { type TensorData, writeSafetensors } from "@tessera-ml/nn";
import { compile, exportOnnx, type Tensor, zeros } from "@tessera-ml/tensor";
import { parameter } from "./fill.ts";
import type { Workload } from "./list.ts";

export const network = "depth_anything_v2_vits";

interface Photograph extends Size {
  /** Height and width of the network's input, by the image processor of the checkpoint. */
  readonly input: readonly [number, number];
  /** Multiplications and additions of the network. */
  readonly flops: number;
}

export const photographs: Readonly<Record<string, Photograph>> = {
  square: { width: 1024, height: 1024, input: [518, 518], flops: 2 * 57.6e9 },
  photo: { width: 1280, height: 960, input: [518, 686], flops: 2 * 83.2e9 },
};

/** `float32.PHOTOGRAPH` for all contestants; in `int8.PHOTOGRAPH`, Tessera's int8 meets its own float32. */
export const workloads: readonly Workload[] = ["float32", "int8"].flatMap((dtype) =>
  Object.entries(photographs).map(([name, { flops }]) => ({ name: `${dtype}.${name}`, flops, warmUp: 2 })),
);

/** `int8.square` → its parts. */
export function parse(workload: string): { dtype: "float32" | "int8"; photograph: string } {
  const [dtype, photograph] = workload.split(".") as ["float32" | "int8", string];
  return { dtype, photograph };
}

/** The image processor of Depth Anything's checkpoints for transformers. */
const processor = {
  image_processor_type: "DPTImageProcessor",
  do_normalize: true,
  do_pad: false,
  do_rescale: true,
  do_resize: true,
  ensure_multiple_of: 14,
  image_mean: IMAGENET_MEAN,
  image_std: IMAGENET_STD,
  keep_aspect_ratio: true,
  resample: 3,
  rescale_factor: 1 / 255,
  size: { height: 518, width: 518 },
};

/** As in `depth-anything/Depth-Anything-V2-Small-hf`. */
const config = {
  architectures: ["DepthAnythingForDepthEstimation"],
  model_type: "depth_anything",
  backbone_config: {
    model_type: "dinov2",
    architectures: ["Dinov2Model"],
    hidden_size: 384,
    num_attention_heads: 6,
    image_size: 518,
    patch_size: 14,
    out_features: ["stage3", "stage6", "stage9", "stage12"],
    reshape_hidden_states: false,
  },
  patch_size: 14,
  reassemble_hidden_size: 384,
  reassemble_factors: [4, 2, 1, 0.5],
  neck_hidden_sizes: [48, 96, 192, 384],
  fusion_hidden_size: 64,
  head_hidden_size: 32,
  head_in_index: -1,
};

/** Writes the contestants' input: a checkpoint for transformers, which Tessera reads too, and its ONNX graphs. */
export async function writeModels(folder: string): Promise<void> {
  const { create, naming } = registry.find("hf/depth-anything/Depth-Anything-V2-Small-hf");
  const tensors: TensorData[] = [];
  for (const [path, { shape }] of create().stateDict()) {
    const names = keysOf(naming, path);
    const values = parameter(path, shape);
    // Queries, keys and values are three tensors.
    const [rows, length] = [(shape[0] as number) / names.length, values.length / names.length];
    for (const [i, name] of names.entries()) {
      const data = values.subarray(i * length, (i + 1) * length);
      tensors.push({ name, dtype: "float32", shape: [rows, ...shape.slice(1)], data });
    }
  }
  const home = join(folder, "published");
  await writeHome(home);
  const checkpoint = join(home, "model.safetensors");
  await writeSafetensors(checkpoint, tensors);

  const { module } = await DepthEstimator.load(checkpoint, { network });
  const run = compile((x: Tensor) => module.forward(x) as Tensor, { freeze: true, name: network });
  for (const [name, { input }] of Object.entries(photographs)) {
    const names = { inputNames: ["pixel_values"], outputNames: ["predicted_depth"] };
    const exported = await exportOnnx(run, [zeros([1, 3, ...input])], names);
    const graphHome = join(folder, name);
    await writeHome(graphHome);
    await mkdir(join(graphHome, "onnx"));
    await writeFile(join(graphHome, "onnx", "model.onnx"), exported.model);
  }
  run.release();
}

async function writeHome(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(processor));
}
