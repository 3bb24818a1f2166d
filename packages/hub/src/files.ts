import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HubError, systemCode } from "./error.ts";

/** The file's size and time of change, or undefined where nothing lies. */
export async function statFile(path: string): Promise<{ size: number; mtimeMs: number } | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { size, mtimeMs };
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** A name in `path`'s own folder, so that a rename onto `path` cannot cross file systems. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}.tmp`);
}

/** Writes the whole file or nothing: readers see the old content or the new, never a part. */
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

/** The file system's complaint about writing, as one that says what to do. */
export function asDiskError(error: unknown, path: string): HubError {
  const code = systemCode(error) ?? String(error);
  const full = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
  return new HubError(
    "disk",
    full
      ? `${path}: the disk is full. Free some space, or point TESSERA_CACHE at a folder on another disk.`
      : `${path}: cannot be written (${code}). TESSERA_CACHE names the cache's folder.`,
    { cause: error },
  );
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 1536 → "1.5 KiB". */
export function formatBytes(bytes: number): string {
  const unit = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${unit === 0 ? bytes : (bytes / 1024 ** unit).toFixed(1)} ${units[unit]}`;
}
