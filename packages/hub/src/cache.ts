import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { cacheRoot } from "./environment.ts";
import { HubError, systemCode } from "./error.ts";
import { asDiskError, temporaryBeside } from "./files.ts";
import { type Expectation, readMarker, verifyFile, writeMarker } from "./verify.ts";

/*
 * Layout of the cache, which may also be filled by hand:
 *
 *   models/<name>/<file>   one folder for each checkpoint
 *   data/<name>/<file>     one folder for each data set: its published files, plus train.bin and test.bin if an
 *                          archive was unpacked
 *
 * Next to a file there may be <file>.verified.json (its hash), <file>.partial and <file>.partial.json (an unfinished
 * download) and <file>.lock (a download in progress).
 */

export type CacheKind = "models" | "data";

export interface CacheEntry {
  kind: CacheKind;
  /** of the checkpoint or data set */
  name: string;
  file: string;
  path: string;
  /** bytes */
  size: number;
  modified: Date;
  /** `unverified`: added by hand, unpacked, or changed since it was verified */
  state: "verified" | "unverified" | "partial";
}

const helper = /\.(verified\.json|partial\.json|lock|tmp)$/;

async function names(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return [];
    throw error;
  }
}

/** Everything in the cache, ordered by kind, name and file. */
export async function listCache(): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const kind of ["models", "data"] as const) {
    for (const name of await names(join(cacheRoot(), kind))) {
      for (const file of await names(join(cacheRoot(), kind, name))) {
        if (helper.test(file)) continue;
        const path = join(cacheRoot(), kind, name, file);
        const found = await stat(path);
        const marker = await readMarker(path);
        const verified = marker?.size === found.size && marker.mtimeMs === found.mtimeMs;
        const state = file.endsWith(".partial") ? "partial" : verified ? "verified" : "unverified";
        entries.push({ kind, name, file, path, size: found.size, modified: found.mtime, state });
      }
    }
  }
  return entries;
}

/** Total size of the cache in bytes. */
export async function cacheSize(): Promise<number> {
  return (await listCache()).reduce((sum, { size }) => sum + size, 0);
}

/**
 * Hashes a cached file again and compares it with `expected`, from the record it belongs to, and with its hash when it
 * was last verified.
 * Throws `size` or `checksum` on a mismatch.
 */
export async function verifyCached(
  entry: CacheEntry,
  expected: Expectation = {},
  options: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  if (entry.state === "partial") {
    throw new HubError("size", `${entry.path}: an unfinished download; fetch it again to resume`);
  }
  const verified = await verifyFile(entry.path, expected, options);
  const marker = await readMarker(entry.path);
  if (marker && marker.sha256 !== verified.sha256) {
    const message = `${entry.path}: expected SHA-256 ${marker.sha256}, as last verified, got ${verified.sha256}`;
    throw new HubError("checksum", message);
  }
  await writeMarker(entry.path, verified);
}

/**
 * Removes a checkpoint or data set from the cache, including unfinished downloads.
 * Returns the number of bytes freed, 0 if it was not there.
 */
export async function removeCached(kind: CacheKind, name: string): Promise<number> {
  // Only accept a name that the listing contains, so that `..` cannot escape the cache.
  if (!(await names(join(cacheRoot(), kind))).includes(name)) return 0;
  const entries = (await listCache()).filter((entry) => entry.kind === kind && entry.name === name);
  const folder = join(cacheRoot(), kind, name);
  // Rename first, so that no reader sees a half-deleted folder.
  const away = temporaryBeside(folder);
  try {
    await rename(folder, away);
    await rm(away, { recursive: true, force: true });
  } catch (error) {
    if (systemCode(error) === "ENOENT") return 0;
    throw asDiskError(error, folder);
  }
  return entries.reduce((sum, { size }) => sum + size, 0);
}
