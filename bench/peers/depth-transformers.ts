/**
 * transformers.js, running the graph that Tessera exports on the same ONNX Runtime.
 *
 *     depth-transformers.ts THREADS IMAGES_FOLDER MODELS_FOLDER
 */
import { join } from "node:path";
import { env, pipeline } from "@huggingface/transformers";
import { serve } from "../harness/serve.ts";
import { parse } from "../workloads/depth.ts";
import { digest } from "../workloads/fill.ts";

const [threads, images, models] = process.argv.slice(2) as [string, string, string];
env.allowRemoteModels = false;
env.localModelPath = models;

await serve({
  about: `transformers.js ${env.version} on onnxruntime-node, ${threads} threads`,
  async prepare(workload) {
    const { photograph } = parse(workload);
    const estimate = await pipeline("depth-estimation", photograph, {
      dtype: "fp32",
      session_options: { intraOpNumThreads: Number(threads) },
    });
    let map: Float32Array = new Float32Array();
    return {
      async run() {
        const { predicted_depth } = await estimate(join(images, `${photograph}.jpg`));
        map = predicted_depth.data as Float32Array;
      },
      value: () => digest(map),
    };
  },
});
