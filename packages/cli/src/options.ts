/** Parts that several commands share: numbers among the options, and help that teaches. */
import { InvalidArgumentError, Option } from "commander";

/** A parser for options that are whole numbers, from `least` on. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number ${range}.`);
  };
}

/** Which part of a checkpoint file is meant, for every command that opens one. */
export const inFile = {
  section: () =>
    new Option("--section <key>", "where in a PyTorch file the tensors are: model, ema, runs.0.net"),
  stripPrefix: () =>
    new Option("--strip-prefix <text>", "only tensors whose names start with this, without it: teacher."),
};

/** A parser for an option that may be given several times. */
export function several(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** Commands and what they do, for the end of a help text. */
export function examples(...lines: readonly (readonly [command: string, meaning: string])[]): string {
  const widest = Math.max(...lines.map(([command]) => command.length));
  return [
    "",
    "Examples:",
    ...lines.map(([command, meaning]) => `  ${command.padEnd(widest)}  # ${meaning}`),
  ].join("\n");
}
