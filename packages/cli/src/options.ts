/** Parts that several commands share: numbers among the options, and help that teaches. */
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
