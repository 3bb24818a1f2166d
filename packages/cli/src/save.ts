/** Where answers are written: `--out`. */
import { mkdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { isMedia } from "@tessera-ml/kit/files";
import { UsageError } from "./errors.ts";

export function endings(saves: readonly string[]): string {
  return saves.map((ending) => `.${ending}`).join(" ");
}

/** An input whose answer is saved. */
export interface SavedInput {
  readonly name: string;
  readonly isVideo: boolean;
}

/**
 * The file of each answer. `out` is a file for one answer, `folder/*.png` with the input's name for `*`, or a folder, for
 * files of the first ending, of videos of the first that is one of a video. Answers of several checkpoints have the checkpoint's name too. Makes the folder.
 *
 * @throws UsageError for an ending that cannot be written, for several answers to one file, and for two inputs of the
 *   same name
 */
export async function planFiles(
  out: string,
  saves: readonly string[],
  { inputs, models }: { readonly inputs: readonly SavedInput[]; readonly models: readonly string[] },
): Promise<(input: string, model: string) => string> {
  const ending = extname(out).slice(1).toLowerCase();
  const isFolder = (await stat(out).catch(() => undefined))?.isDirectory() || /[\\/]$/.test(out) || !ending;
  if (!isFolder && !saves.includes(ending))
    throw new UsageError(`--out ${out}: expected a folder, or a name that ends in one of ${endings(saves)}`);
  const pattern = isFolder ? join(out, "*") : out;
  const video = saves.find((one) => isMedia(`.${one}`, ["video"])) ?? saves[0];
  const endingOf = (isVideo: boolean) => (isFolder ? `.${isVideo ? video : saves[0]}` : "");
  const several = inputs.length * models.length > 1;
  if (several && !basename(pattern).includes("*"))
    throw new UsageError(
      `--out ${out}: ${inputs.length * models.length} answers do not fit in one file; name a folder, or ` +
        `${join(dirname(out), `*.${ending}`)} in quotes`,
    );
  await mkdir(dirname(pattern), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--out ${out}: the folder ${dirname(pattern)} cannot be made (${error.code})`);
  });
  const videos = new Set(inputs.filter(({ isVideo }) => isVideo).map(({ name }) => name));
  const fileOf = (input: string, model: string) => {
    const name = basename(input, extname(input)) || "input";
    const stem = models.length > 1 ? `${name}.${model}` : name;
    const file = basename(pattern).replace("*", () => stem) + endingOf(videos.has(input));
    return join(dirname(pattern), file);
  };
  const taken = new Map<string, string>();
  for (const { name: input } of inputs)
    for (const model of models) {
      const file = fileOf(input, model);
      const other = taken.get(file);
      if (other !== undefined)
        throw new UsageError(`--out ${out}: ${other} and ${input} would both be written to ${file}`);
      taken.set(file, input);
    }
  return fileOf;
}
