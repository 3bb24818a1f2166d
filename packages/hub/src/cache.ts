import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { findDataset } from "./data/registry.ts";
import { cacheRoot } from "./environment.ts";
import { HubError, systemCode } from "./error.ts";
import { asDiskError, temporaryBeside } from "./files.ts";
import { expectationOf } from "./models/record.ts";
import { findModel } from "./models/registry.ts";
import { type Expectation, readMarker, verifyFile, writeMarker } from "./verify.ts";

/*
 * The cache's layout, which people may fill by hand:
 *
 *   models/<name>/<file>   one folder for each checkpoint
 *   data/<name>/<file>     one folder for each data set: its published files, and train.bin and test.bin where an
 *                          archive was unpacked
 *
 * Beside a file may lie <file>.verified.json (its hash), <file>.partial and <file>.partial.json (an unfinished
 * download) and <file>.lock (one that is running).
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
  /** `unverified`: put here by hand, unpacked, or changed since it was verified */
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

/** Everything that lies in the cache, in order of kind, name and file. */
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

/** Bytes in the cache. */
export async function cacheSize(): Promise<number> {
  return (await listCache()).reduce((sum, { size }) => sum + size, 0);
}

/** What the registries know of a cached file; nothing of files that are unpacked or that nobody registered. */
function expected({ kind, name, file }: CacheEntry): Expectation {
  try {
    if (kind === "models") return expectationOf(findModel(name));
    return (
      findDataset(name)
        .forms.flatMap((form) => form.files)
        .find((known) => known.file === file) ?? {}
    );
  } catch (error) {
    if (error instanceof HubError && error.code === "unknown-name") return {};
    throw error;
  }
}

/**
 * Reads a cached file again and compares it with what the registry knows of it and with what it was when it was
 * verified last. Throws `size` or `checksum` where it is another.
 */
export async function verifyCached(
  entry: CacheEntry,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  if (entry.state === "partial") {
    throw new HubError("size", `${entry.path}: an unfinished download; fetching it again goes on from there`);
  }
  const verified = await verifyFile(entry.path, expected(entry), options);
  const marker = await readMarker(entry.path);
  if (marker && marker.sha256 !== verified.sha256) {
    const message = `${entry.path}: expected SHA-256 ${marker.sha256}, as it was when verified, got ${verified.sha256}`;
    throw new HubError("checksum", message);
  }
  await writeMarker(entry.path, verified);
}

/**
 * Removes a checkpoint or data set from the cache with all that belongs to it, unfinished downloads included.
 * Returns the bytes that were freed, 0 where nothing was there.
 */
export async function removeCached(kind: CacheKind, name: string): Promise<number> {
  // Only a folder that a listing shows: a name is never part of a path that leads elsewhere.
  if (!(await names(join(cacheRoot(), kind))).includes(name)) return 0;
  const entries = (await listCache()).filter((entry) => entry.kind === kind && entry.name === name);
  const folder = join(cacheRoot(), kind, name);
  // Away at once, so that nobody reads a folder that is half gone.
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
