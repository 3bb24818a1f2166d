import { join } from "node:path";
import { byHand, download } from "./download.ts";
import { cacheRoot, isOffline, sharedFile } from "./environment.ts";
import { HubError } from "./error.ts";
import { statFile } from "./files.ts";
import { Meter, type ReportProgress } from "./progress.ts";
import type { CheckpointRecord, FileRecord } from "./record.ts";
import { shippedPath } from "./shipped.ts";
import { acceptFile, type Verified } from "./verify.ts";

/** A checkpoint on this machine: all of its files, in one place. */
export interface LocatedCheckpoint {
  /** `shipped`: came with Tessera; `shared`: in the shared data folder */
  place: "shipped" | "cache" | "shared";
  /** the record's first file, which is the one to open */
  path: string;
  /** bytes of all files together */
  size: number;
}

/** A checkpoint on this machine whose files have been verified. */
export interface LocalCheckpoint extends LocatedCheckpoint {
  /** in the order of the record */
  files: (Verified & { path: string })[];
  /** what all of the files were verified against: the weakest check of any of them */
  against: Verified["against"];
}

export interface PullOptions {
  progress?: ReportProgress | undefined;
  signal?: AbortSignal | undefined;
}

/** Where a file of a checkpoint, the first by default, is cached: `models/<name>/<file>`. */
export function checkpointCachePath(record: CheckpointRecord, file: FileRecord = record.files[0]): string {
  return join(cacheRoot(), "models", record.name, file.file);
}

/** The path of a file in each place; undefined if the place cannot have it. */
const places: Readonly<
  Record<LocatedCheckpoint["place"], (record: CheckpointRecord, file: FileRecord) => string | undefined>
> = {
  shipped: shippedPath,
  cache: checkpointCachePath,
  shared: (_, { shared }) => (shared === undefined ? undefined : sharedFile(shared)),
};

interface Found extends LocatedCheckpoint {
  paths: string[];
}

/** The first place that has all files: shards and side files must be in the same folder. */
async function find(record: CheckpointRecord): Promise<Found | undefined> {
  for (const place of ["shipped", "cache", "shared"] as const) {
    const paths: string[] = [];
    let size = 0;
    for (const file of record.files) {
      const path = places[place](record, file);
      const found = path === undefined ? undefined : await statFile(path);
      if (path === undefined || !found) break;
      paths.push(path);
      size += found.size;
    }
    if (paths.length === record.files.length) return { place, path: paths[0]!, size, paths };
  }
  return undefined;
}

/** Finds a checkpoint on this machine without verifying it; undefined if any of its files is missing. */
export async function locateCheckpoint(record: CheckpointRecord): Promise<LocatedCheckpoint | undefined> {
  const found = await find(record);
  return found && { place: found.place, path: found.path, size: found.size };
}

const checks: readonly Verified["against"][] = ["none", "size", "prefix", "sha256"];

function local(place: LocatedCheckpoint["place"], files: (Verified & { path: string })[]): LocalCheckpoint {
  const against = checks.find((check) => files.some((file) => file.against === check)) ?? "none";
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return { place, path: files[0]!.path, size, files, against };
}

/**
 * A checkpoint that is on this machine (shipped, cache, shared folder), or undefined. Files that were put into the
 * cache by hand are verified on first use.
 * Throws `size` or `checksum` for a file that does not match its record.
 */
export async function localCheckpoint(
  record: CheckpointRecord,
  options: PullOptions = {},
): Promise<LocalCheckpoint | undefined> {
  const found = await find(record);
  if (!found) return undefined;
  const files = [];
  for (const [i, file] of record.files.entries()) {
    const path = found.paths[i]!;
    const meter = new Meter(file.file, options.progress);
    const accepted = { signal: options.signal, meter, mark: found.place === "cache" };
    files.push({ ...(await acceptFile(path, file, accepted)), path });
  }
  return local(found.place, files);
}

/** Like {@link localCheckpoint}, but throws `absent` for a missing file, with instructions to get it. */
export async function requireCheckpoint(
  record: CheckpointRecord,
  options: PullOptions = {},
): Promise<LocalCheckpoint> {
  const found = await localCheckpoint(record, options);
  if (found) return found;
  throw new HubError("absent", `${record.name} is not on this machine.\n${howToGet(record)}`);
}

function howToGet(record: CheckpointRecord): string {
  const unpublished = record.files.filter(({ url }) => url === undefined);
  if (unpublished.length > 0) {
    const files = unpublished.map(({ file, sha256 }) => (sha256 ? `${file} (SHA-256 ${sha256})` : file));
    const targets = unpublished.map((file) => `  ${checkpointCachePath(record, file)}`);
    return `It is not published; if you have ${files.join(", ")}, save it as\n${targets.join("\n")}`;
  }
  if (isOffline()) {
    const [first] = record.files;
    return `TESSERA_OFFLINE is set.\n${byHand(first.url!, checkpointCachePath(record), first)}${andTheRest(record)}`;
  }
  const mebibytes = record.files.reduce((sum, { sizeMiB }) => sum + (sizeMiB ?? Number.NaN), 0);
  return `\`tessera pull ${record.name}\` downloads it${mebibytes ? ` (${mebibytes} MiB)` : ""}.`;
}

function andTheRest(record: CheckpointRecord): string {
  const rest = record.files.slice(1).map(({ url }) => `  ${url}`);
  return rest.length === 0 ? "" : `\nThe same folder needs\n${rest.join("\n")}`;
}

/**
 * Downloads a checkpoint unless it is on this machine, and verifies it; a damaged file in the cache is downloaded
 * again.
 * Throws what {@link download} throws, and `absent` for a file without a public URL.
 */
export async function pullCheckpoint(
  record: CheckpointRecord,
  options: PullOptions = {},
): Promise<LocalCheckpoint & { fetched: boolean }> {
  if (record.files.some(({ url }) => url === undefined)) {
    return { ...(await requireCheckpoint(record, options)), fetched: false };
  }
  const here = await localCheckpoint(record, options).catch((error: unknown) => {
    if (error instanceof HubError && (error.code === "size" || error.code === "checksum")) return undefined;
    throw error;
  });
  if (here) return { ...here, fetched: false };
  const files = [];
  for (const file of record.files) {
    const { size, sha256, shaPrefix } = file;
    const target = checkpointCachePath(record, file);
    files.push(await download(file.url!, target, { size, sha256, shaPrefix, ...options }));
  }
  return { ...local("cache", files), fetched: files.some(({ fetched }) => fetched) };
}
