/** Commands of a task besides asking a checkpoint: preparing data, ingesting documents. */
import type { Progress } from "@tessera-ml/hub";
import type * as z from "zod";

/** `<folder>` in `tessera depth pseudo-label <folder>`. */
export interface CommandArgument {
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
  /** Takes all remaining words; only the last argument may. */
  readonly many?: boolean;
}

/** How a command talks to whoever runs it. */
export interface CommandContext {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Shows progress with the time left. @param done steps, including those of earlier runs */
  progress(done: number, total: number, what?: string): void;
  /** Progress of downloads. */
  readonly hubProgress: (progress: Progress) => void;
  /** Shows a message; the result is returned instead. */
  note(text: string): void;
}

export interface CommandResult {
  /** For a terminal. */
  readonly text: string;
  /** For `--json`. */
  readonly json: object;
  /** Whether a part of the work failed, which makes the exit code 1. */
  readonly failed?: boolean;
}

/** The heavy half of a command; its name and summary are in `Task.commands`. */
export interface TaskCommand {
  readonly arguments: readonly CommandArgument[];
  /** Become flags; see `Schemas`. */
  readonly options: z.ZodObject;
  /** Commands and what they do, for the help text. */
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  /** Sentences below the examples. */
  readonly details?: string;
  /** A method, so that a command with options of its own fits. @param options validated, with defaults */
  run(words: readonly string[], options: never, context: CommandContext): Promise<CommandResult>;
}

/** A command whose options are typed by its schema. */
export function defineCommand<S extends z.ZodObject>(
  command: Omit<TaskCommand, "options" | "run"> & {
    readonly options: S;
    run(words: readonly string[], options: z.output<S>, context: CommandContext): Promise<CommandResult>;
  },
): TaskCommand {
  return command;
}
