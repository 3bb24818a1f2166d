/** Exports classifiers to ONNX. Node only. */
import { mkdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { writeOnnx } from "@tessera-ml/nn";
import { compile, exportOnnx as onnxOf, type Tensor, zeros } from "@tessera-ml/tensor";
import { inputShapeOf } from "./cost.ts";
import type { ImageClassifier } from "./pipeline/image-classifier.ts";

/**
 * Writes a graph `image` [batch, C, H, W] → `scores` and `probabilities` [batch, classes]. The batch size is
 * dynamic unless `batch` is given. Returns a description for the user.
 */
export async function exportOnnx(
  { module, record, network, labels, name }: ImageClassifier,
  file: string,
  { batch }: { readonly batch?: number | undefined } = {},
): Promise<{ readonly bytes: number; readonly description: string }> {
  const [, ...image] = inputShapeOf(record);
  const answer = (x: Tensor) => {
    const scores = module.forward(x);
    return [scores, module.probabilities(scores)];
  };
  const compiled = compile(answer, { name: network.name });
  const exported = await onnxOf(compiled, [zeros([batch ?? 1, ...image])], {
    inputNames: ["image"],
    outputNames: ["scores", "probabilities"],
    ...(batch === undefined && { freeAxis: "batch" }),
    metadata: {
      name,
      network: network.name,
      paper: network.paper,
      licence: record.licence,
      preprocessing: JSON.stringify(record.preprocessing),
      labels: JSON.stringify(labels),
    },
    // Protocol buffers are limited to 2 GB.
    ...(module.parameterCount() * 4 > 1.9e9 && { externalData: `${basename(file)}.data` }),
  });
  compiled.release();
  await mkdir(dirname(file), { recursive: true });
  await writeOnnx(file, exported);
  const side = (exported.external?.parts ?? []).reduce((sum, part) => sum + part.length, 0);
  const many = batch ?? "batch";
  const list = (dims: readonly (number | string)[]) => `[${dims.join(", ")}]`;
  return {
    bytes: exported.model.length + side,
    description: `image ${list([many, ...image])} → scores ${list([many, labels.length])}`,
  };
}
