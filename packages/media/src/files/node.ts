/** File access on Node. */
import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm, writeFile as write } from "node:fs/promises";
import { dirname } from "node:path";
import { MediaError } from "../error.ts";

/** Reads a file; throws before reading if it is larger than `maxBytes`. */
export async function readFile(path: string | URL, maxBytes: number): Promise<Uint8Array> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new MediaError("not-found", `${path}: no such file`);
    throw new MediaError("unreachable", `${path}: cannot be opened (${error.message})`, error);
  });
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) throw new MediaError("unsupported", `${path}: is a folder, not a file`);
    if (stat.size > maxBytes)
      throw new MediaError("too-large", `${path}: ${stat.size} bytes, over the limit of ${maxBytes}`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Writes a file atomically: to a temporary name in the same folder, then renamed. Creates missing folders. */
export async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await write(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
