/** The program: all commands, and how their errors end it. */
import { readFileSync } from "node:fs";
import module from "node:module";
import { styleText } from "node:util";
import { Command } from "@commander-js/extra-typings";
import type { AnyTask } from "@tessera-ml/kit";
import { installedSystems } from "@tessera-ml/tessera/installed";
import { CommanderError, type Command as PlainCommand } from "commander";
import { dataCommand } from "./commands/data.ts";
import { evalCommand } from "./commands/eval.ts";
import { exportCommand } from "./commands/export.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { modelsCommand } from "./commands/models.ts";
import { pullCommand } from "./commands/pull.ts";
import { serveCommand } from "./commands/serve.ts";
import { studyCommand } from "./commands/study.ts";
import { taskCommand, taskOutline } from "./commands/task.ts";
import { trainCommand } from "./commands/train.ts";
import { describeError, exitCodeOf } from "./errors.ts";
import { examples } from "./options.ts";
import { complain, endWithReader, paint } from "./output.ts";

const COMMANDS = [
  serveCommand,
  modelsCommand,
  pullCommand,
  inspectCommand,
  trainCommand,
  studyCommand,
  dataCommand,
];

/** @param words the arguments: only the command they name loads its options */
async function createProgram(tasks: readonly AnyTask[], words: readonly string[]): Promise<Command> {
  const program = new Command("tessera")
    .description("Train, run, inspect and serve neural networks.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .configureHelp({
      styleTitle: (text) => paint("bold", text),
      styleCommandText: (text) => paint("cyan", text),
      styleSubcommandText: (text) => paint("cyan", text),
      styleOptionText: (text) => paint("cyan", text),
      styleArgumentText: (text) => paint("cyan", text),
    })
    .configureOutput({
      outputError: (text, write) =>
        write(text.replace(/^error:/, styleText("red", "error:", { stream: process.stderr }))),
    })
    // Else a command's options would also be taken from the commands below it.
    .enablePositionalOptions()
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError("(--help shows details and examples)")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera serve", "the studio, in the browser"],
          ["tessera classify photo.jpg", "what a picture shows"],
          ["tessera train lenet5", "train the network of 1998"],
          ["tessera help classify", "help for one command"],
        ),
        "",
        "Exit codes:  0 success, 1 failure, 2 wrong usage, 130 Ctrl-C.",
        "Environment: TESSERA_CACHE, TESSERA_HUB (a mirror), TESSERA_OFFLINE=1, TESSERA_SHARED, TESSERA_THREADS,",
        "             TESSERA_DEBUG=1 (stack traces), NO_COLOR",
      ].join("\n"),
    );
  const meant = words.find((word) => !word.startsWith("-") && word !== "help");
  const add = (command: PlainCommand) => (program as unknown as PlainCommand).addCommand(command);
  const after = (name: string) => (name === meant ? words.slice(words.indexOf(name) + 1) : []);
  for (const task of tasks)
    add(
      task.command === meant
        ? inheriting(program, await taskCommand(task, after(task.command)))
        : taskOutline(task),
    );
  for (const register of COMMANDS) await register(program, tasks, after);
  await evalCommand(program, tasks, meant === "eval");
  await exportCommand(program, tasks, meant === "export");
  return program;
}

/** `addCommand`, unlike `command`, does not copy the parent's settings. */
function inheriting(program: Command, command: PlainCommand): PlainCommand {
  command.copyInheritedSettings(program as unknown as PlainCommand);
  for (const further of command.commands) further.copyInheritedSettings(command);
  return command;
}

function version(): string {
  // Beside `src` in a checkout, beside the modules in the published package.
  const manifest = readFileSync(module.findPackageJSON(import.meta.url) as string, "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Runs a command line and returns its exit code. Errors are written to standard error. */
export async function run(words: readonly string[]): Promise<number> {
  endWithReader();
  try {
    const program = await createProgram(await installedSystems(), words);
    await program.parseAsync(words, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has already written the message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    complain(describeError(error));
    return exitCodeOf(error);
  }
}
