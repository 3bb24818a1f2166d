/** `tessera export`: checkpoints as files that other programs run. */
import type { Command } from "@commander-js/extra-typings";
import type { AnyTask } from "@tessera-ml/kit";
import { UsageError } from "../errors.ts";
import { loadCheckpoint, type OpenFlags, openingOf, openOptions, taskOf, taskOpenOptions } from "../load.ts";
import { examples, wholeNumber } from "../options.ts";
import { print } from "../output.ts";

/** @param meant whether this command is about to run: the tasks' own options take time to load */
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
  openOptions(command);
  if (meant) await taskOpenOptions(command, tasks);
  command
    .option(
      "-b, --batch <count>",
      "inputs that the file takes at once (default: any number)",
      wholeNumber(1, 65536),
    )
    .addHelpText(
      "after",
      [
        examples(
          ["tessera export mobilenet_v2 --onnx", "mobilenet_v2.tv_in1k_v2.onnx"],
          ["tessera export lenet5 --onnx digits.onnx --batch 32", "always 32 images at once"],
        ),
        "",
        "A classifier's input `image` is [batch, channels, height, width], normalised as the metadata `preprocessing`",
        "says; its outputs `scores` and `probabilities` are [batch, classes]; the metadata `labels` names the classes.",
      ].join("\n"),
    )
    .action(async (name, options) => {
      const { onnx, batch } = options;
      if (onnx === undefined) throw new UsageError("choose a format: --onnx is the only one so far");
      const { formatBytes } = await import("@tessera-ml/hub");
      const task = await taskOf(tasks, name, (options as OpenFlags).network);
      const { exportOnnx } = (await task.workshop?.()) ?? {};
      if (!exportOnnx) throw new UsageError(`${task.name} cannot be exported`);
      const opened = await loadCheckpoint(task, name, await openingOf(task, options));
      const file = onnx === true ? `${opened.record.name.replaceAll(/[/\\]/g, "_")}.onnx` : onnx;
      const { bytes, description } = await exportOnnx(opened, file, { batch });
      print(`${file}: ${formatBytes(bytes)}, ${description}`);
      opened.release();
    });
}
