/**
 * A bare program on ONNX Runtime, started for every result.
 *
 *     vision-bare.ts THREADS IMAGES_FOLDER MODELS_FOLDER
 */
import { join } from "node:path";
import { answering } from "../harness/answering.ts";
import { serve } from "../harness/serve.ts";

const [threads, images, models] = process.argv.slice(2) as [string, string, string];

await serve({
  about: `onnxruntime-node and sharp in a program of 40 lines, ${threads} threads`,
  prepare(workload) {
    const network = workload.slice("start.".length);
    return answering(process.execPath, [
      join(import.meta.dirname, "bare-ort.js"),
      threads,
      join(models, `${network}-1`, "onnx", "model.onnx"),
      join(images, "photograph-0.jpg"),
    ]);
  },
});
