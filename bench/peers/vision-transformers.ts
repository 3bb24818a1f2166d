/**
 * transformers.js, running the network's ONNX file on the same ONNX Runtime. It uses the graph exported by Tessera,
 * which is as fast as one from PyTorch's exporter.
 *
 *     vision-transformers.ts THREADS IMAGES_FOLDER MODELS_FOLDER
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { env, pipeline } from "@huggingface/transformers";
import { serve } from "../harness/serve.ts";
import { digest } from "../workloads/fill.ts";
import { parse } from "../workloads/vision.ts";

const [threads, images, models] = process.argv.slice(2) as [string, string, string];
const files = readdirSync(images)
  .toSorted()
  .map((name) => join(images, name));
env.allowRemoteModels = false;
env.localModelPath = models;

await serve({
  about: `transformers.js ${env.version} on onnxruntime-node, ${threads} threads`,
  async prepare(workload) {
    const { network, images: count } = parse(workload);
    const classify = await pipeline("image-classification", `${network}-${count}`, {
      dtype: "fp32",
      session_options: { intraOpNumThreads: Number(threads) },
    });
    const chosen = files.slice(0, count);
    return {
      async run() {
        await classify(count === 1 ? chosen[0]! : chosen, { top_k: 5 });
      },
      // The pipeline does not return its logits, so they are recomputed from its parts.
      async value() {
        const { processor, model } = classify;
        const { RawImage } = await import("@huggingface/transformers");
        const decoded = await Promise.all(chosen.map((file) => RawImage.read(file)));
        const { logits } = await model(await processor!(decoded));
        return digest(logits.data as Float32Array);
      },
    };
  },
});
