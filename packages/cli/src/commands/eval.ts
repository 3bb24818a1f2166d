/** `tessera eval`: measures a checkpoint on a data set. */
import type { Command } from "@commander-js/extra-typings";
import type { AnyTask, Evaluation, EvaluationProgress, Metric } from "@tessera-ml/kit";
import { flagOf, optionField } from "@tessera-ml/kit/options";
import { duration, pairs, whole } from "@tessera-ml/kit/terminal";
import type { ZodType } from "zod";
import {
  type CheckpointFlags,
  checkpointOptions,
  loadCheckpoint,
  readCheckpointFlags,
  taskOf,
  taskOptions,
} from "../checkpoints.ts";
import { UsageError, untilInterrupted } from "../errors.ts";
import { examples, wholeNumber } from "../options.ts";
import { clearStatus, note, print, printJson, terminal } from "../output.ts";
import { describeProgress, hubProgress, report, stopwatch, timeLeft } from "../progress.ts";
import { readFlags } from "../schema-flags.ts";
import { figure } from "./models.ts";

/** @param meant whether this command is about to run: only then are the tasks' own options loaded */
export async function evalCommand(
  program: Command,
  tasks: readonly AnyTask[],
  meant: boolean,
): Promise<void> {
  const command = program
    .command("eval")
    .description("Measure a checkpoint on a data set.")
    .argument("<model>", "a checkpoint, a network, a checkpoint file, or a task for its best checkpoint")
    .option(
      "-d, --data <set>",
      "data set or folder (default: the one of its published figures, else one on this machine)",
    )
    .option("--split <split>", "train or test (default: test)");
  checkpointOptions(command);
  if (meant) await taskOptions(command, tasks, "open");
  if (meant) await taskOptions(command, tasks, "evaluate");
  command
    .option("-l, --limit <count>", "use only this many samples of a set, evenly spaced", wholeNumber(1))
    .option("-r, --report <file>", "write a page with tables and the worst cases: report.html")
    .option("--json", "as JSON, with all details")
    .addHelpText(
      "after",
      examples(
        ["tessera eval lenet5", "all 10,000 test digits of MNIST"],
        ["tessera eval cifar_resnet20 --limit 1000", "a quick look"],
        ["tessera eval mobilenet_v2 --data imagenet-sample", "100 photographs"],
        ["tessera eval runs/lenet5", "your own network, by its run folder"],
        ["tessera eval depth --data sets/ --report report.html", "the data sets in a folder, as a page"],
      ),
    )
    .action(async (name, options) => {
      const { data, split, limit, report: file, json } = options;
      const task = await taskOf(tasks, name, (options as CheckpointFlags).network);
      const { evaluate, showEvaluation, reports } = (await task.workshop?.()) ?? {};
      if (!evaluate) throw new UsageError(`${task.name} has nothing to evaluate with`);
      if (file !== undefined && !reports) throw new UsageError(`--report: ${task.name} offers no reports`);
      const details = await readEvaluationFlags(tasks, task, options);
      const signal = untilInterrupted();
      const isTask = task.command === name || task.name === name;
      const checkpoint = isTask ? await (await task.load()).defaultCheckpoint() : name;
      const opened = await loadCheckpoint(task, checkpoint, {
        ...(await readCheckpointFlags(task, options)),
        signal,
      });
      const { report: page, ...evaluation } = await evaluate(opened, {
        data,
        split,
        limit,
        details,
        report: file !== undefined,
        signal,
        hubProgress,
        progress: progressOf(task),
      });
      clearStatus();
      if (json) printJson(evaluation);
      else print(showEvaluation?.(evaluation, terminal()) ?? show(task, evaluation));
      // After the figures: a file that cannot be written must not cost them.
      if (file !== undefined && page !== undefined) {
        const { writeAtomic } = await import("@tessera-ml/hub");
        await writeAtomic(file, page);
        note(`report: ${file}`);
      }
      opened.release();
    });
}

/** @throws UsageError if an option of another task is given, or a value is invalid */
async function readEvaluationFlags(
  tasks: readonly AnyTask[],
  task: AnyTask,
  flags: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const { evaluate } = await task.schemas();
  for (const other of tasks) {
    const theirs = Object.entries((await other.schemas()).evaluate?.shape ?? {}) as [string, ZodType][];
    const [name] =
      theirs.find(
        ([key, type]) => flags[key] !== optionField(type).fallback && !(key in (evaluate?.shape ?? {})),
      ) ?? [];
    if (name !== undefined)
      throw new UsageError(`--${flagOf(name)} is an option of ${other.name}, not of ${task.name}`);
  }
  return evaluate ? readFlags(evaluate, flags) : {};
}

function progressOf(task: AnyTask): (progress: EvaluationProgress) => void {
  const watch = stopwatch();
  return ({ done, total, metrics }) => {
    const { perSecond, secondsLeft } = watch(done, total);
    const figures = Object.entries(metrics).map(([name, value]) => {
      const metric: Metric = task.metrics[name] ?? { label: name, better: "more" };
      return `${metric.label} ${figure(value, { ...metric, digits: 1 })}`;
    });
    report(
      describeProgress(`${done} of ${total}`, done / total, [
        ...figures,
        `${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s`,
        timeLeft(secondsLeft),
      ]),
    );
  };
}

function show(task: AnyTask, { checkpoint, data, split, count, metrics, seconds }: Evaluation): string {
  return pairs([
    ["checkpoint", checkpoint],
    ["data", `${[data, split].filter(Boolean).join(", ")}: ${whole(count)} samples`],
    ...Object.entries(metrics).map(([name, value]): [string, string] => {
      const metric: Metric = task.metrics[name] ?? { label: name, better: "more" };
      return [metric.label, figure(value, metric)];
    }),
    ["time", duration(seconds)],
  ]);
}
