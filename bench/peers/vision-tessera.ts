/**
 * Tessera's pipeline, as `ImageClassifier` and as the command `tessera classify`.
 *
 *     vision-tessera.ts THREADS IMAGES_FOLDER MODELS_FOLDER
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { stack } from "@tessera-ml/media";
import { backend, configure, fromArray } from "@tessera-ml/tensor";
import { ImageClassifier } from "@tessera-ml/vision";
import { answering } from "../harness/answering.ts";
import { publishedCommand } from "../harness/published.ts";
import { type Job, serve } from "../harness/serve.ts";
import { digest } from "../workloads/fill.ts";
import { parse } from "../workloads/vision.ts";

const [threads, images, models] = process.argv.slice(2) as [string, string, string];
const files = readdirSync(images)
  .toSorted()
  .map((name) => join(images, name));

configure({ threads: Number(threads) });
await serve({
  about: `Tessera on ${(await backend()).name}, ${threads} threads`,
  prepare: (workload) => (workload.startsWith("start.") ? start(workload.slice(6)) : classify(workload)),
});

async function classify(workload: string): Promise<Job> {
  const { network, images: count } = parse(workload);
  const chosen = files.slice(0, count);
  const classifier = await ImageClassifier.load(join(models, `${network}.safetensors`), {
    network: `torchvision/${network}`,
  });
  return {
    async run() {
      await classifier.classifyAll(chosen, { top: 5, batchSize: count });
    },
    // The pipeline returns only probabilities, so the logits are recomputed from its parts.
    async value() {
      const prepared = await Promise.all(chosen.map((file) => classifier.prepare(file)));
      const { data, shape } = stack(prepared.map(({ planes }) => planes));
      const logits = classifier.module.forward(fromArray(data as Float32Array<ArrayBuffer>, [...shape]));
      return digest((await logits.data()) as Float32Array);
    },
  };
}

function start(network: string): Job {
  const checkpoint = join(models, `${network}.safetensors`);
  const parameters = ["--model", checkpoint, "--network", network, "--json", files[0]!];
  return answering(process.execPath, [publishedCommand(), "classify", ...parameters]);
}
