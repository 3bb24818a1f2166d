/** Option parsers and help texts that several commands share. */
import { InvalidArgumentError, Option } from "commander";

/** A parser for options that are whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number ${range}.`);
  };
}

/** A parser for options that are numbers above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number above 0.");
}

/** Options that select a part of a checkpoint file. */
export const inFile = {
  section: () => new Option("--section <key>", "section of a PyTorch file to read: model, ema, runs.0.net"),
  stripPrefix: () =>
    new Option("--strip-prefix <text>", "read only tensors with this name prefix, and drop it: teacher."),
};

/** A parser for repeatable options. */
export function several(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** The examples at the end of a help text. */
export function examples(...lines: readonly (readonly [command: string, meaning: string])[]): string {
  const widest = Math.max(...lines.map(([command]) => command.length));
  return [
    "",
    "Examples:",
    ...lines.map(([command, meaning]) => `  ${command.padEnd(widest)}  # ${meaning}`),
  ].join("\n");
}
