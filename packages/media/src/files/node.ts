/** File access on Node. */
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm, writeFile as write } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { MediaError } from "../error.ts";

/** Reads a file; throws before reading if it is larger than `maxBytes`. */
export async function readFile(path: string | URL, maxBytes: number): Promise<Uint8Array> {
  const { file, size } = await openFile(path);
  try {
    if (size > maxBytes)
      throw new MediaError("too-large", `${path}: ${size} bytes, over the limit of ${maxBytes}`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** The first bytes of a file, at most `count`. */
export async function readStart(path: string, count: number): Promise<Uint8Array> {
  const { file } = await openFile(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function openFile(path: string | URL): Promise<{ readonly file: FileHandle; readonly size: number }> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new MediaError("not-found", `${path}: no such file`);
    throw new MediaError("unreachable", `${path}: cannot be opened (${error.message})`, error);
  });
  const stat = await file.stat();
  if (!stat.isDirectory()) return { file, size: stat.size };
  await file.close();
  throw new MediaError("unsupported", `${path}: is a folder, not a file`);
}

/**
 * The path of a file that can be read in pieces; undefined for other URLs.
 *
 * @throws MediaError like {@link readFile}, `empty`
 */
export async function findFile(source: string | URL): Promise<string | undefined> {
  const scheme = /^(?:https?|data|blob|file):/i.exec(String(source))?.[0].toLowerCase();
  if (scheme !== undefined && scheme !== "file:") return undefined;
  const path = scheme === undefined ? String(source) : fileURLToPath(source);
  const { file, size } = await openFile(path);
  await file.close();
  if (size === 0) throw new MediaError("empty", `${path}: is empty`);
  return path;
}

/** Writes a file atomically and creates missing folders. */
export async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  await writeAtomically(path, (temporary) => write(temporary, bytes));
}

/** Has a file written under a temporary name in its folder, then renames it. Creates missing folders. */
export async function writeAtomically(
  path: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await fill(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
