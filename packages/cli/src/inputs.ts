/** What a person names on the command line, as pictures: files, folders, patterns, addresses, the standard input. */
import fs, { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";

/** One picture, or why there is none. */
export type Input =
  | { readonly name: string; readonly source: string | Uint8Array }
  | { readonly name: string; readonly error: string };

const PICTURE = /\.(jpe?g|jfif|png|webp|gif|tiff?|avif|bmp)$/i;
const ADDRESS = /^(https?|data|file):/i;
const PATTERN = /[*?[\]{}]/;

/** Every picture that the words of a command line mean, in their order; files of folders by name. */
export async function findInputs(words: readonly string[]): Promise<Input[]> {
  const found: Input[] = [];
  for (const word of words) found.push(...(await expand(word)));
  return found;
}

async function expand(word: string): Promise<Input[]> {
  if (word === "-") return [await standardInput()];
  if (ADDRESS.test(word))
    return [{ name: word.startsWith("data:") ? `${word.slice(0, 30)}…` : word, source: word }];
  const found = await stat(word).catch(() => undefined);
  if (found?.isDirectory()) return await inFolder(word);
  if (found) return [{ name: word, source: word }];
  if (PATTERN.test(word)) {
    const files = (await Array.fromAsync(fs.glob(word))).toSorted();
    if (files.length === 0) return [{ name: word, error: "no file matches" }];
    return files.filter((file) => PICTURE.test(file)).map((file) => ({ name: file, source: file }));
  }
  return [{ name: word, error: "no such file or folder" }];
}

async function standardInput(): Promise<Input> {
  const name = "standard input";
  if (process.stdin.isTTY)
    return { name, error: "expected a picture on a pipe (tessera classify - < photo.jpg)" };
  const bytes = new Uint8Array(await buffer(process.stdin));
  return bytes.length > 0 ? { name, source: bytes } : { name, error: "holds no bytes" };
}

async function inFolder(folder: string): Promise<Input[]> {
  const entries = await readdir(folder, { recursive: true });
  const pictures = entries.filter((entry) => PICTURE.test(entry)).toSorted();
  if (pictures.length === 0)
    return [{ name: folder, error: "a folder without pictures (jpg, png, webp, gif, tiff, avif, bmp)" }];
  return pictures.map((entry) => ({ name: join(folder, entry), source: join(folder, entry) }));
}
