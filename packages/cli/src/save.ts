/** Where answers are written: `--out`. */
import { mkdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { UsageError } from "./errors.ts";

export function endings(saves: readonly string[]): string {
  return saves.map((ending) => `.${ending}`).join(" ");
}

/**
 * The file of each answer. `out` is a file for one answer, `folder/*.png` with the input's name for `*`, or a folder, for
 * files of the first ending. Answers of several checkpoints have the checkpoint's name too. Makes the folder.
 *
 * @throws UsageError for an ending that cannot be written, for several answers to one file, and for two inputs of the
 *   same name
 */
export async function planFiles(
  out: string,
  saves: readonly string[],
  { inputs, models }: { readonly inputs: readonly string[]; readonly models: readonly string[] },
): Promise<(input: string, model: string) => string> {
  const ending = extname(out).slice(1).toLowerCase();
  const isFolder = (await stat(out).catch(() => undefined))?.isDirectory() || /[\\/]$/.test(out) || !ending;
  if (!isFolder && !saves.includes(ending))
    throw new UsageError(`--out ${out}: expected a folder, or a name that ends in one of ${endings(saves)}`);
  const pattern = isFolder ? join(out, `*.${saves[0]}`) : out;
  const several = inputs.length * models.length > 1;
  if (several && !basename(pattern).includes("*"))
    throw new UsageError(
      `--out ${out}: ${inputs.length * models.length} answers do not fit in one file; name a folder, or ` +
        `${join(dirname(out), `*.${ending}`)} in quotes`,
    );
  await mkdir(dirname(pattern), { recursive: true });
  const fileOf = (input: string, model: string) => {
    const name = basename(input, extname(input)) || "input";
    const stem = models.length > 1 ? `${name}.${model}` : name;
    return join(
      dirname(pattern),
      basename(pattern).replace("*", () => stem),
    );
  };
  const taken = new Map<string, string>();
  for (const input of inputs)
    for (const model of models) {
      const file = fileOf(input, model);
      const other = taken.get(file);
      if (other !== undefined)
        throw new UsageError(`--out ${out}: ${other} and ${input} would both be written to ${file}`);
      taken.set(file, input);
    }
  return fileOf;
}
