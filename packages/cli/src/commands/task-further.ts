/** A task's further commands, such as `tessera depth pseudo-label`. */
import type { AnyTask, CommandArgument, TaskCommand } from "@tessera-ml/kit";
import type { Command } from "commander";
import { Interrupted, untilInterrupted } from "../errors.ts";
import { examples } from "../options.ts";
import { clearStatus, note, print, printJson } from "../output.ts";
import { describeProgress, hubProgress, report, stopwatch, timeLeft } from "../progress.ts";
import { addFlags, readFlags } from "../schema-flags.ts";

/**
 * Adds a task's further commands below its own.
 *
 * @param words that follow the task's command: only the command that they name is loaded
 */
export async function furtherCommands(
  parent: Command,
  task: AnyTask,
  words: readonly string[],
): Promise<void> {
  const meant = words.find((word) => !word.startsWith("-") && word !== "help");
  for (const [name, summary] of Object.entries(task.commands ?? {})) {
    const command = parent.command(name).description(summary);
    if (name !== meant) continue;
    const found = (await task.workshop?.())?.commands?.[name];
    if (!found) throw new Error(`task ${task.name}: its workshop has no command ${name}`);
    complete(command, found);
  }
}

function complete(command: Command, further: TaskCommand): void {
  for (const { name, description, ...shape } of further.arguments)
    command.argument(bracketed(name, shape), description);
  addFlags(command, further.options);
  command
    .option("--json", "print the result as JSON")
    .addHelpText("after", [examples(...further.examples), further.details ?? []].flat().join("\n\n"))
    .action(async () => {
      const flags: Readonly<Record<string, unknown>> = command.opts();
      const options = readFlags(further.options, flags) as never;
      const signal = untilInterrupted();
      const progress = progressOf();
      const result = await further
        .run(command.args, options, { signal, progress, hubProgress, note })
        .catch((error: unknown) => {
          throw signal.aborted ? new Interrupted() : error;
        });
      clearStatus();
      if (flags.json) printJson(result.json);
      else print(result.text);
      if (signal.aborted) throw new Interrupted();
      if (result.failed) process.exitCode = 1;
    });
}

function bracketed(name: string, { optional, many }: Pick<CommandArgument, "optional" | "many">): string {
  const inner = many ? `${name}...` : name;
  return optional ? `[${inner}]` : `<${inner}>`;
}

/** The speed is measured from the first report on, as earlier runs may have done a part. */
function progressOf(): (done: number, total: number, what?: string) => void {
  let first: number | undefined;
  let watch = stopwatch();
  return (done, total, what = `${done} of ${total}`) => {
    if (first === undefined) {
      first = done;
      watch = stopwatch();
    }
    const { perSecond, secondsLeft } = watch(done - first, total - first);
    const speed = perSecond > 0 ? [`${perSecond.toPrecision(2)}/s`, timeLeft(secondsLeft)] : [];
    report(describeProgress(what, total > 0 ? done / total : undefined, speed));
  };
}
