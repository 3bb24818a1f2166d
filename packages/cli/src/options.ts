/** Parts that several commands share: numbers among the options, and help that teaches. */
import { Option } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";

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

/** What a checkpoint file is loaded as, for every command that makes a network of one. */
export const asNetwork = {
  network: () =>
    new Option(
      "-n, --network <name>",
      "what a checkpoint file is to be loaded into (default: found by its keys)",
    ),
  ...inFile,
  classes: () =>
    new Option("--classes <count>", "classes of a checkpoint file (default: as its head has)").argParser(
      wholeNumber(1),
    ),
  labels: () =>
    new Option(
      "--labels <file>",
      "names of the classes: one on each line, a JSON array, or JSON {index: name}",
    ),
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
