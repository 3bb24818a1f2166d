/** Output: results go to standard output, everything else to standard error. */
import { styleText } from "node:util";
import { clip, type Terminal } from "@tessera-ml/kit/terminal";

type Style = Parameters<typeof styleText>[0];

/** Whether the last line on the terminal is a status line. */
let statusShown = false;

/** Writes a result. */
export function print(text = ""): void {
  clearStatus();
  process.stdout.write(`${text}\n`);
}

/** Writes a result as indented JSON. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

/** Writes a message for people to standard error. */
export function note(text: string): void {
  clearStatus();
  process.stderr.write(`${text}\n`);
}

/** Writes an error message; the command may go on. */
export function complain(text: string): void {
  note(`${styleText("red", "error:", { stream: process.stderr })} ${text}`);
}

/** Shows a status line, which the next output replaces. */
export function showStatus(text: string): void {
  process.stderr.write(`\r\x1b[K${clip(text, (process.stderr.columns || 100) - 1)}`);
  statusShown = true;
}

export function clearStatus(): void {
  if (statusShown) process.stderr.write("\r\x1b[K");
  statusShown = false;
}

/** Styles text on terminals only; honours `NO_COLOR`, `FORCE_COLOR` and what the terminal supports. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Standard output, for tasks that format their answers. */
export function terminal(): Terminal {
  return { columns: columns(), paint };
}

/** Whether standard output is a terminal. */
export function toTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** Columns of the terminal; 100 without one. */
export function columns(): number {
  return process.stdout.columns || 100;
}

/** Exits quietly when the reader closes the pipe (`| head`). */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
      throw error;
    });
}
