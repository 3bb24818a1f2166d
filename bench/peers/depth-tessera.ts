/**
 * Tessera's `DepthEstimator`, computing in the type that the workload names.
 *
 *     depth-tessera.ts THREADS IMAGES_FOLDER MODELS_FOLDER [float32]
 *
 * A last argument replaces that type.
 */
import { join } from "node:path";
import { DepthEstimator } from "@tessera-ml/depth";
import { backend, configure } from "@tessera-ml/tensor";
import { serve } from "../harness/serve.ts";
import { network, parse } from "../workloads/depth.ts";
import { digest } from "../workloads/fill.ts";

const [threads, images, models, given] = process.argv.slice(2) as [string, string, string, "float32"?];

configure({ threads: Number(threads) });
await serve({
  about: `Tessera on ${(await backend()).name}, ${threads} threads`,
  async prepare(workload) {
    const { photograph, dtype } = parse(workload);
    const estimator = await DepthEstimator.load(join(models, "published", "model.safetensors"), { network });
    let map: Float32Array = new Float32Array();
    return {
      async run() {
        const depth = await estimator.estimate(join(images, `${photograph}.jpg`), { dtype: given ?? dtype });
        if (depth.kind === "disparity") map = depth.disparity;
      },
      value: () => digest(map),
    };
  },
});
