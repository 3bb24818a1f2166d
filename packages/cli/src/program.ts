/** All commands, and what becomes of their errors. */
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

/** @param words decide whose options are loaded: those of the one command that is meant */
async function createProgram(tasks: readonly AnyTask[], words: readonly string[]): Promise<Command> {
  const program = new Command("tessera")
    .description("Neural systems trained, run, inspected and served: see what each makes of your files.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "explain a command")
    .helpCommand("help [command]", "explain a command")
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
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError("(add --help for an explanation and examples)")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera serve", "the studio, in the browser"],
          ["tessera classify photo.jpg", "what a picture shows"],
          ["tessera train lenet5", "a network of 1998, trained here"],
          ["tessera help classify", "one command in detail"],
        ),
        "",
        "Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 Ctrl-C.",
        "Settings:   TESSERA_CACHE, TESSERA_HUB (a mirror), TESSERA_OFFLINE=1, TESSERA_SHARED, TESSERA_THREADS,",
        "            TESSERA_DEBUG=1 (errors with their place in the code), NO_COLOR",
      ].join("\n"),
    );
  const meant = words.find((word) => !word.startsWith("-") && word !== "help");
  const add = (command: PlainCommand) => (program as unknown as PlainCommand).addCommand(command);
  for (const task of tasks)
    add(task.command === meant ? inheriting(program, await taskCommand(task)) : taskOutline(task));
  for (const register of COMMANDS) await register(program, tasks);
  await evalCommand(program, tasks, meant === "eval");
  await exportCommand(program, tasks, meant === "export");
  return program;
}

/** `addCommand` does not copy the settings that `command` does. */
function inheriting(program: Command, command: PlainCommand): PlainCommand {
  return command.copyInheritedSettings(program as unknown as PlainCommand);
}

function version(): string {
  // Above `src`, and beside what is published.
  const manifest = readFileSync(module.findPackageJSON(import.meta.url) as string, "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Runs the command that `words` spell; the exit code. Errors end up on the error stream. */
export async function run(words: readonly string[]): Promise<number> {
  endWithReader();
  try {
    const program = await createProgram(await installedSystems(), words);
    await program.parseAsync(words, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has said what is wrong already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    complain(describeError(error));
    return exitCodeOf(error);
  }
}
