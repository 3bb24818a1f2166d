/** What commands write: results to the standard output, everything else to the error stream. */
import { styleText } from "node:util";
import { clip, type Terminal } from "@tessera-ml/kit/terminal";

type Style = Parameters<typeof styleText>[0];

/** Whether the last thing on the terminal is a line that is still changing. */
let changing = false;

/** A result. */
export function print(text = ""): void {
  clearStatus();
  process.stdout.write(`${text}\n`);
}

/** A result as one JSON document over several lines. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

/** A remark for people, which a pipe does not carry on. */
export function note(text: string): void {
  clearStatus();
  process.stderr.write(`${text}\n`);
}

/** A failure, whether or not it ends the command. */
export function complain(text: string): void {
  note(`${styleText("red", "error:", { stream: process.stderr })} ${text}`);
}

/** Replaces the terminal's last line, until something else is written. */
export function showStatus(text: string): void {
  process.stderr.write(`\r\x1b[K${clip(text, (process.stderr.columns || 100) - 1)}`);
  changing = true;
}

export function clearStatus(): void {
  if (changing) process.stderr.write("\r\x1b[K");
  changing = false;
}

/** Colour on a terminal only; `NO_COLOR`, `FORCE_COLOR` and the terminal's own abilities are respected. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** The standard output, for what tasks show. */
export function terminal(): Terminal {
  return { columns: columns(), paint };
}

/** Whether people read the results, rather than a program. */
export function toTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** Columns of the terminal; of a page of text where there is none. */
export function columns(): number {
  return process.stdout.columns || 100;
}

/** Programs that stop reading (`| head`) are no failure: there is nobody left to write to. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
      throw error;
    });
}
