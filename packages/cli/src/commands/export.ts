/** `tessera export`: writes checkpoints as ONNX files. */
import type { Command } from "@commander-js/extra-typings";
import type { AnyTask } from "@tessera-ml/kit";
import {
  type CheckpointFlags,
  checkpointOptions,
  loadCheckpoint,
  readCheckpointFlags,
  taskOf,
  taskOptions,
} from "../checkpoints.ts";
import { UsageError } from "../errors.ts";
import { examples, wholeNumber } from "../options.ts";
import { print } from "../output.ts";

/** @param meant whether this command is about to run: only then are the tasks' own options loaded */
export async function exportCommand(
  program: Command,
  tasks: readonly AnyTask[],
  meant: boolean,
): Promise<void> {
  const command = program
    .command("export")
    .description("Write a trained network as an ONNX file.")
    .argument("<model>", "a checkpoint, a network, or a checkpoint file")
    .option("--onnx [file]", "write ONNX (default: MODEL.onnx)");
  checkpointOptions(command);
  if (meant) await taskOptions(command, tasks, "open");
  command
    .option("-b, --batch <count>", "fixed batch size (default: any)", wholeNumber(1, 65536))
    .addHelpText(
      "after",
      [
        examples(
          ["tessera export mobilenet_v2 --onnx", "mobilenet_v2.tv_in1k_v2.onnx"],
          ["tessera export lenet5 --onnx digits.onnx --batch 32", "a fixed batch of 32 images"],
        ),
        "",
        "A classifier's input `image` is [batch, channels, height, width], normalised as the `preprocessing` metadata",
        "describes. Its outputs `scores` and `probabilities` are [batch, classes]; the `labels` metadata names the classes.",
      ].join("\n"),
    )
    .action(async (name, options) => {
      const { onnx, batch } = options;
      if (onnx === undefined) throw new UsageError("choose a format: only --onnx is available so far");
      const { formatBytes } = await import("@tessera-ml/hub");
      const task = await taskOf(tasks, name, (options as CheckpointFlags).network);
      const { exportOnnx } = (await task.workshop?.()) ?? {};
      if (!exportOnnx) throw new UsageError(`${task.name} cannot be exported`);
      const opened = await loadCheckpoint(task, name, await readCheckpointFlags(task, options));
      const file = onnx === true ? `${opened.record.name.replaceAll(/[/\\]/g, "_")}.onnx` : onnx;
      const { bytes, description } = await exportOnnx(opened, file, { batch });
      print(`${file}: ${formatBytes(bytes)}, ${description}`);
      opened.release();
    });
}
