/** `tessera export`: networks as files that other programs run. */
import { mkdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Command } from "@commander-js/extra-typings";
import type { Tensor } from "@tessera-ml/tensor";
import type { ImageClassifier } from "@tessera-ml/vision";
import { UsageError } from "../errors.ts";
import { shape } from "../format.ts";
import { loadNetwork } from "../load.ts";
import { asNetwork, examples, wholeNumber } from "../options.ts";
import { print } from "../output.ts";

export function exportCommand(program: Command): void {
  program
    .command("export")
    .description("Write a trained network as an ONNX file.")
    .argument("<model>", "a checkpoint, a network, or a checkpoint file")
    .option("--onnx [file]", "write ONNX (default: MODEL.onnx)")
    .addOption(asNetwork.network())
    .addOption(asNetwork.section())
    .addOption(asNetwork.stripPrefix())
    .addOption(asNetwork.classes())
    .addOption(asNetwork.labels())
    .option(
      "-b, --batch <count>",
      "pictures that the file takes at once (default: any number)",
      wholeNumber(1, 65536),
    )
    .addHelpText(
      "after",
      [
        examples(
          ["tessera export mobilenet_v2 --onnx", "mobilenet_v2.tv_in1k_v2.onnx"],
          ["tessera export lenet5 --onnx digits.onnx --batch 32", "always 32 pictures at once"],
        ),
        "",
        "Its input `image` is [batch, channels, height, width], normalised as the metadata `preprocessing` says; its",
        "outputs `scores` and `probabilities` are [batch, classes]; the metadata `labels` names the classes.",
      ].join("\n"),
    )
    .action(async (name, { onnx, batch, ...loading }) => {
      if (onnx === undefined) throw new UsageError("say into which format: --onnx is the only one so far");
      const classifier = await loadNetwork(name, loading);
      const file = onnx === true ? `${classifier.name.replaceAll(/[/\\]/g, "_")}.onnx` : onnx;
      await writeNetwork(classifier, file, batch);
      classifier.release();
    });
}

/** Without `batch` the file takes any number of pictures. */
async function writeNetwork(classifier: ImageClassifier, file: string, batch?: number): Promise<void> {
  const { formatBytes } = await import("@tessera-ml/hub");
  const { writeOnnx } = await import("@tessera-ml/nn");
  const { compile, exportOnnx, zeros } = await import("@tessera-ml/tensor");
  const { inputShapeOf } = await import("@tessera-ml/vision");
  const { model, record, entry, labels } = classifier;
  const [, ...picture] = inputShapeOf(record);
  const answer = (image: Tensor) => {
    const scores = model.forward(image);
    return [scores, model.probabilities(scores)];
  };
  const compiled = compile(answer, { name: entry.name });
  const exported = await exportOnnx(compiled, [zeros([batch ?? 1, ...picture])], {
    inputNames: ["image"],
    outputNames: ["scores", "probabilities"],
    ...(batch === undefined && { freeAxis: "batch" }),
    metadata: {
      name: classifier.name,
      network: entry.name,
      paper: entry.paper,
      licence: record.licence,
      preprocessing: JSON.stringify(record.preprocessing),
      labels: JSON.stringify(labels),
    },
    // Protocol buffers end at 2 GB.
    ...(model.parameterCount() * 4 > 1.9e9 && { externalData: `${basename(file)}.data` }),
  });
  compiled.release();
  await mkdir(dirname(file), { recursive: true });
  await writeOnnx(file, exported);
  const bytes =
    exported.model.length + (exported.external?.parts ?? []).reduce((sum, part) => sum + part.length, 0);
  const many = batch ?? "batch";
  print(
    `${file}: ${formatBytes(bytes)}, image ${shape([many, ...picture])} → scores ${shape([many, labels.length])}`,
  );
}
