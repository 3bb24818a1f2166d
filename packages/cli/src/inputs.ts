/** Inputs named on the command line: files, folders, glob patterns, URLs, standard input. */
import fs, { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Medium } from "@tessera-ml/kit";
import { isMedia, mediaFiles } from "@tessera-ml/kit/files";
import type { Clip } from "@tessera-ml/media";

/** One input, or why there is none. */
export type Input =
  | { readonly name: string; readonly source: string | Uint8Array | Clip }
  | { readonly name: string; readonly error: string };

const URL_SCHEME = /^(https?|data|file):/i;
const PATTERN = /[*?[\]{}]/;

export interface InputOptions {
  /** Takes the images of a folder as the frames of one video, this many a second. */
  readonly frameRate?: number | undefined;
}

/** The inputs that the arguments refer to, in order; files of a folder are sorted by name. */
export async function findInputs(
  words: readonly string[],
  accepts: readonly Medium[],
  options: InputOptions = {},
): Promise<Input[]> {
  const found: Input[] = [];
  for (const word of words) found.push(...(await expand(word, accepts, options)));
  return found;
}

async function expand(word: string, accepts: readonly Medium[], options: InputOptions): Promise<Input[]> {
  if (word === "-") return [await standardInput()];
  if (URL_SCHEME.test(word))
    return [{ name: word.startsWith("data:") ? `${word.slice(0, 30)}…` : word, source: word }];
  const found = await stat(word).catch(() => undefined);
  if (found?.isDirectory()) return await inFolder(word, accepts, options);
  if (found) return [{ name: word, source: word }];
  if (PATTERN.test(word)) {
    const files = (await Array.fromAsync(fs.glob(word))).toSorted();
    if (files.length === 0) return [{ name: word, error: "no file matches" }];
    return files.filter((file) => isMedia(file, accepts)).map((file) => ({ name: file, source: file }));
  }
  return [{ name: word, error: "no such file or folder" }];
}

async function standardInput(): Promise<Input> {
  const name = "standard input";
  if (process.stdin.isTTY) return { name, error: "expected piped input (tessera classify - < photo.jpg)" };
  const bytes = new Uint8Array(await buffer(process.stdin));
  return bytes.length > 0 ? { name, source: bytes } : { name, error: "is empty" };
}

async function inFolder(
  folder: string,
  accepts: readonly Medium[],
  { frameRate }: InputOptions,
): Promise<Input[]> {
  const files = (await mediaFiles(folder, accepts)).map((file) => join(folder, file));
  if (files.length === 0) return [{ name: folder, error: `contains no ${accepts.join(" or ")} files` }];
  const single = (file: string): Input => ({ name: file, source: file });
  if (frameRate === undefined) return files.map(single);
  const { Clip } = await import("@tessera-ml/media");
  const frames = Map.groupBy(files, (file) => (isMedia(file, ["image"]) ? dirname(file) : undefined));
  return [...frames].flatMap(([name, files]): Input[] =>
    name === undefined
      ? files.map(single)
      : [{ name, source: Clip.ofImages(files.toSorted(numbered.compare), { frameRate, name }) }],
  );
}

/** `frame_2` comes before `frame_10`. */
const numbered = new Intl.Collator("en", { numeric: true });
