/** Depth networks with made-up weights, as if they shipped. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DepthAnything, DepthLite } from "@tessera-ml/depth";
import { type Module, writeSafetensors } from "@tessera-ml/nn";
import { manualSeed } from "@tessera-ml/tensor";
import { TINY } from "../../../depth/test/support/tiny-system.ts";
import { fillTiny } from "../../../depth/test/support.ts";

/** A module that adds the networks `depth_tiny` and `depth_tiny_metric` to a server. */
export const TINY_SYSTEM = join(import.meta.dirname, "../../../depth/test/support/tiny-system.ts");

/** Two small networks of a DINOv2 encoder, one of them in metres, and the network that pages run. */
export async function shipDepthModels(folder: string): Promise<void> {
  manualSeed(7);
  await ship(folder, "depth_tiny.a", fillTiny(new DepthAnything(TINY)), { kind: "disparity" });
  const metric = fillTiny(new DepthAnything({ ...TINY, maxDepth: 20 }));
  await ship(folder, "depth_tiny_metric.m", metric, { kind: "metric", maxDepth: 20 });
  await ship(folder, "depth_lite0.random", new DepthLite().eval(), { kind: "disparity", preset: "tessera" });
}

async function ship(folder: string, name: string, model: Module, depth: object): Promise<void> {
  const at = join(folder, name);
  await mkdir(at, { recursive: true });
  const tensors = Array.from(model.stateDict(), ([key, value]) => ({
    name: key,
    dtype: value.dtype,
    shape: value.shape,
    data: () => value.data(),
  }));
  await writeSafetensors(join(at, "model.safetensors"), tensors);
  const record = {
    ...{ name, task: "depth-estimation", network: name.split(".")[0], source: "tessera" },
    ...{ licence: "Apache-2.0", reference: "None", files: [{ file: "model.safetensors" }] },
    depth: { preset: "depth_anything_v2", ...depth },
  };
  await writeFile(join(at, "record.json"), JSON.stringify(record));
}
