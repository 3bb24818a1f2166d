/** Opens checkpoints on Node: by name through the hub, or from a file with a known network. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { CheckpointRecord, HubError, HubErrorCode } from "@tessera-ml/hub";
import { openCheckpoint } from "@tessera-ml/nn";
import { KitError } from "../error.ts";
import { findRecord } from "../records.ts";
import { bareRecord, checked } from "./record.ts";
import type { OpenedFile, Opener, OpenOptions } from "./types.ts";

/** Loaded on demand: opening a file with a known network is faster without it. */
const hub = () => import("@tessera-ml/hub");

async function hubError(code: HubErrorCode, message: string): Promise<HubError> {
  const { HubError } = await hub();
  return new HubError(code, message);
}

/** The records of a task: the checkpoints shipped with Tessera, then the published ones. */
export async function recordsOf(opener: Opener): Promise<CheckpointRecord[]> {
  const { shippedRecords } = await hub();
  const shipped = shippedRecords().filter(({ task }) => task === opener.task);
  return [...shipped, ...opener.records];
}

/**
 * Opens a checkpoint, downloading it if it is not on this machine.
 *
 * @param name the name of a record or network, or a path: to a folder with a `record.json`, a file with one beside it,
 *   or any file of `options.network`
 * @throws HubError `unknown-name` with the closest names, `absent`, `offline`, …; KitError `which-network` or
 *   `no-checkpoint`
 */
export async function openNamed<R extends CheckpointRecord>(
  opener: Opener<R>,
  name: string,
  options: OpenOptions,
): Promise<OpenedFile<R>> {
  const path = await pathOf(name, options);
  if (path !== undefined) return await openPath(opener, path, options);
  const { pullCheckpoint } = await hub();
  const record = await recordNamed(opener, name);
  const { files } = await pullCheckpoint(record, options);
  const paths = files.map((file) => file.path);
  return await open(checked(opener, record, record.name), paths, options);
}

/** The first record whose files are on this machine; undefined if there is none. */
export async function firstHere<R extends CheckpointRecord>(records: readonly R[]): Promise<R | undefined> {
  const { locateCheckpoint } = await hub();
  for (const record of records) if (await locateCheckpoint(record)) return record;
  return undefined;
}

async function recordNamed(opener: Opener, name: string): Promise<CheckpointRecord> {
  const records = await recordsOf(opener);
  try {
    return findRecord(records, name);
  } catch (error) {
    // A network without a checkpoint differs from an unknown name.
    if (!isNetwork(opener, name)) throw error;
    const message = `${name} is a network without a named checkpoint: give the path of one, and { network: "${name}" }`;
    throw new KitError("no-checkpoint", message, { cause: error });
  }
}

function isNetwork({ networks }: Opener, name: string): boolean {
  try {
    networks.find(name);
    return true;
  } catch {
    return false;
  }
}

async function pathOf(name: string, { network }: OpenOptions): Promise<string | undefined> {
  const found = await stat(name).catch(() => undefined);
  // A folder that happens to have a network's name does not count.
  if (found && (found.isFile() || network !== undefined || /[\\/]/.test(name))) return name;
  // `timm/resnet50` is a name too.
  if (network === undefined && !/^[./~]|\\|\.(safetensors|pth?|th|bin|npz|ckpt|pt2)$/.test(name))
    return undefined;
  throw await hubError("absent", `${name}: no such file`);
}

async function openPath<R extends CheckpointRecord>(
  opener: Opener<R>,
  path: string,
  options: OpenOptions,
): Promise<OpenedFile<R>> {
  const { network } = options;
  const folder = (await stat(path)).isDirectory() ? path : dirname(path);
  const recordFile = join(folder, "record.json");
  if (network === undefined && existsSync(recordFile)) {
    const record = checked(opener, (await hub()).readRecord(recordFile), recordFile);
    const files = record.files.map(({ file }) => file);
    if (folder === path || files[0] === basename(path))
      return await open(
        record,
        files.map((file) => join(folder, file)),
        options,
      );
  }
  if (folder === path)
    throw await hubError("absent", `${path}: expected a record.json in the folder, and its checkpoint`);
  if (network === undefined)
    throw new KitError(
      "which-network",
      `${path}: a checkpoint without a record; say which network it belongs to ({ network: "…" })`,
    );
  const checkpoint = await openCheckpoint(path, options);
  try {
    const { network: found } = opener.networks.find(network);
    const record = await bareRecord(opener, found, basename(path), checkpoint);
    return { record, checkpoint, paths: [path] };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

async function open<R extends CheckpointRecord>(
  record: R,
  paths: readonly string[],
  options: OpenOptions,
): Promise<OpenedFile<R>> {
  const checkpoint = await openCheckpoint(paths[0] as string, options);
  return { record, checkpoint, paths };
}
