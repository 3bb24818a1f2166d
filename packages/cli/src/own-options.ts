/** Options that only the recipe or study named on the command line has. */
import { Option, Command as PlainCommand } from "commander";
import type * as z from "zod";

/**
 * The options of the first named thing among a command's words that has any.
 *
 * @param known options of the command itself
 * @param words after the command's name
 */
export async function ownOptions(
  known: readonly Option[],
  words: readonly string[],
  list: () => Promise<readonly { readonly name: string; readonly options?: z.ZodObject }[]>,
): Promise<z.ZodObject | undefined> {
  // Without the parsers of their values, so that nothing is rejected twice.
  const scout = new PlainCommand();
  for (const { flags } of known) scout.addOption(new Option(flags));
  const { operands, unknown } = scout.parseOptions([...words]);
  const candidates = [...operands, ...unknown].filter((word) => !word.startsWith("-"));
  if (candidates.length === 0) return undefined;
  const offered = new Map((await list()).map(({ name, options }) => [name, options]));
  return candidates.map((word) => offered.get(word)).find(Boolean);
}
