/**
 * transformers.js, which runs an ONNX file of the network on the same ONNX Runtime. It is given the graph that
 * Tessera exports: PyTorch's exporter makes one of the same speed.
 *
 *     vision-transformers.ts THREADS PICTURES_FOLDER MODELS_FOLDER
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { env, pipeline } from "@huggingface/transformers";
import { serve } from "../harness/serve.ts";
import { digest } from "../workloads/fill.ts";
import { parse } from "../workloads/vision.ts";

const [threads, pictures, models] = process.argv.slice(2) as [string, string, string];
const files = readdirSync(pictures)
  .toSorted()
  .map((name) => join(pictures, name));
env.allowRemoteModels = false;
env.localModelPath = models;

await serve({
  about: `transformers.js ${env.version} on onnxruntime-node, ${threads} threads`,
  async prepare(workload) {
    const { network, pictures: count } = parse(workload);
    const classify = await pipeline("image-classification", `${network}-${count}`, {
      dtype: "fp32",
      session_options: { intraOpNumThreads: Number(threads) },
    });
    const chosen = files.slice(0, count);
    return {
      async run() {
        await classify(count === 1 ? chosen[0]! : chosen, { top_k: 5 });
      },
      // The pipeline keeps its logits to itself: once more by its parts.
      async value() {
        const { processor, model } = classify;
        const { RawImage } = await import("@huggingface/transformers");
        const images = await Promise.all(chosen.map((file) => RawImage.read(file)));
        const { logits } = await model(await processor!(images));
        return digest(logits.data as Float32Array);
      },
    };
  },
});
