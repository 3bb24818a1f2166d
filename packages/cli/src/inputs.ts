/** Inputs named on the command line: files, folders, glob patterns, URLs, standard input. */
import fs, { stat } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Medium } from "@tessera-ml/kit";
import { isMedia, mediaFiles } from "@tessera-ml/kit/files";

/** One input, or why there is none. */
export type Input =
  | { readonly name: string; readonly source: string | Uint8Array }
  | { readonly name: string; readonly error: string };

const URL_SCHEME = /^(https?|data|file):/i;
const PATTERN = /[*?[\]{}]/;

/** The inputs that the arguments refer to, in order; files of a folder are sorted by name. */
export async function findInputs(words: readonly string[], accepts: readonly Medium[]): Promise<Input[]> {
  const found: Input[] = [];
  for (const word of words) found.push(...(await expand(word, accepts)));
  return found;
}

async function expand(word: string, accepts: readonly Medium[]): Promise<Input[]> {
  if (word === "-") return [await standardInput()];
  if (URL_SCHEME.test(word))
    return [{ name: word.startsWith("data:") ? `${word.slice(0, 30)}…` : word, source: word }];
  const found = await stat(word).catch(() => undefined);
  if (found?.isDirectory()) return await inFolder(word, accepts);
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

async function inFolder(folder: string, accepts: readonly Medium[]): Promise<Input[]> {
  const files = await mediaFiles(folder, accepts);
  if (files.length === 0) return [{ name: folder, error: `contains no ${accepts.join(" or ")} files` }];
  return files.map((entry) => ({ name: join(folder, entry), source: join(folder, entry) }));
}
