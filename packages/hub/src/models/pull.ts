import { join } from "node:path";
import { byHand, download } from "../download.ts";
import { cacheRoot, isOffline, sharedFile } from "../environment.ts";
import { HubError } from "../error.ts";
import { statFile } from "../files.ts";
import { Meter, type ReportProgress } from "../progress.ts";
import { acceptFile, type Verified } from "../verify.ts";
import { type CheckpointRecord, expectationOf } from "./record.ts";
import { findModel } from "./registry.ts";
import { shippedPath } from "./shipped.ts";

/** A checkpoint on this machine, verified. */
export interface LocalModel extends Verified {
  record: CheckpointRecord;
  path: string;
  /** `shipped`: came with Tessera; `shared`: lies in the shared data folder */
  place: "shipped" | "cache" | "shared";
}

export interface PullOptions {
  progress?: ReportProgress | undefined;
  signal?: AbortSignal | undefined;
}

/** Where a checkpoint is kept once it is downloaded: `models/<name>/<file>` in the cache. */
export function modelCachePath(record: CheckpointRecord): string {
  return join(cacheRoot(), "models", record.name, record.file);
}

/** Where a checkpoint's file lies on this machine, not verified yet; undefined where it does not. */
export async function locateModel(
  record: CheckpointRecord,
): Promise<{ place: LocalModel["place"]; path: string; size: number } | undefined> {
  for (const [place, path] of [
    ["shipped", record.source === "tessera" ? shippedPath(record) : undefined],
    ["cache", modelCachePath(record)],
    ["shared", record.shared === undefined ? undefined : sharedFile(record.shared)],
  ] as const) {
    const found = path === undefined ? undefined : await statFile(path);
    if (path !== undefined && found) return { place, path, size: found.size };
  }
  return undefined;
}

/**
 * The checkpoint called `name` where it lies on this machine (shipped, cache, shared folder), or undefined. A file
 * that somebody put into the cache by hand is verified when it is first seen.
 * Throws `unknown-name`, and `size` or `checksum` for a file that is not what its name says.
 */
export async function localModel(name: string, options: PullOptions = {}): Promise<LocalModel | undefined> {
  const record = findModel(name);
  const found = await locateModel(record);
  if (!found) return undefined;
  const { place, path } = found;
  const meter = new Meter(record.file, options.progress);
  const verified = await acceptFile(path, expectationOf(record), {
    signal: options.signal,
    meter,
    mark: place === "cache",
  });
  return { ...verified, record, path, place };
}

/** The same, but a missing file is the error `absent`, which says how to get it. */
export async function requireModel(name: string, options: PullOptions = {}): Promise<LocalModel> {
  const local = await localModel(name, options);
  if (local) return local;
  const record = findModel(name);
  throw new HubError("absent", `${record.name} is not on this machine.\n${howToGet(record)}`);
}

function howToGet(record: CheckpointRecord): string {
  const path = modelCachePath(record);
  if (record.url === undefined) {
    const { file, sha256 } = record;
    return `It is published nowhere; who has ${file} (SHA-256 ${sha256}) puts it at\n  ${path}`;
  }
  if (isOffline()) return `TESSERA_OFFLINE is set.\n${byHand(record.url, path, expectationOf(record))}`;
  return `\`tessera pull ${record.name}\` downloads it${record.sizeMiB ? ` (${record.sizeMiB} MiB)` : ""}.`;
}

/**
 * Brings the checkpoint called `name` to this machine, unless it is here, and verifies it; a damaged file in the
 * cache is fetched anew.
 * Throws what {@link download} throws, `unknown-name`, and `absent` for a file that has no public address.
 */
export async function pullModel(
  name: string,
  options: PullOptions = {},
): Promise<LocalModel & { fetched: boolean }> {
  const record = findModel(name);
  if (record.url === undefined) return { ...(await requireModel(name, options)), fetched: false };
  const local = await localModel(name, options).catch((error: unknown) => {
    if (error instanceof HubError && (error.code === "size" || error.code === "checksum")) return undefined;
    throw error;
  });
  if (local) return { ...local, fetched: false };
  const done = await download(record.url, modelCachePath(record), { ...expectationOf(record), ...options });
  return { ...done, record, place: "cache" };
}
