import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HubError, systemCode } from "./error.ts";

/** The file's size and modification time, or undefined if it does not exist. */
export async function statFile(path: string): Promise<{ size: number; mtimeMs: number } | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { size, mtimeMs };
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** A temporary name in the same folder as `path`, so that a rename to `path` cannot cross file systems. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}.tmp`);
}

/** Writes a file atomically: readers see the old content or the new, never a mix. */
export async function writeAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw asDiskError(error, path);
  }
}

/** Turns a write error of the file system into a `HubError` that says what to do. */
export function asDiskError(error: unknown, path: string): HubError {
  const code = systemCode(error) ?? String(error);
  const full = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
  return new HubError(
    "disk",
    full
      ? `${path}: the disk is full. Free some space, or point TESSERA_CACHE at a folder on another disk.`
      : `${path}: cannot be written (${code}). TESSERA_CACHE sets the cache folder.`,
    { cause: error },
  );
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 1536 → "1.5 KiB". */
export function formatBytes(bytes: number): string {
  const unit = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${unit === 0 ? bytes : (bytes / 1024 ** unit).toFixed(1)} ${units[unit]}`;
}
