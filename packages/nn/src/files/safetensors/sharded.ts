/** Sharded checkpoints: `model.safetensors.index.json` and `pytorch_model.bin.index.json`. */
import { type Checkpoint, createCheckpoint } from "../checkpoint.ts";
import { CheckpointError, locate, showName } from "../error.ts";
import type { ByteSource } from "../sources/source.ts";
import type { StoredTensor } from "../stored.ts";
import { parseFlatJson } from "./json.ts";

// The index of a model with 10^5 tensors has about 10 MB.
const MAX_INDEX = 2 ** 25;

/**
 * Opens all shards (their headers only) as one checkpoint with exactly the keys of the index.
 *
 * @param location the path or URL of the index, which is in the same folder as the shards
 * @throws CheckpointError if the index is damaged, names files elsewhere, or a shard lacks a tensor
 */
export async function openSharded(
  source: ByteSource,
  location: string | URL | undefined,
  open: (shard: string | URL) => Promise<Checkpoint>,
): Promise<Checkpoint> {
  const { weightMap, metadata } = await readIndex(source);
  if (location === undefined)
    throw new CheckpointError(
      `${source.name}: an index of several files; open it by path or URL, so that they can be found`,
    );
  const shards = new Map<string, Checkpoint>();
  const close = async (): Promise<void> => {
    await Promise.all([source.close(), ...shards.values().map((shard) => shard.close())]);
  };
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const [key, file] of weightMap) {
      const shard = shards.get(file) ?? (await open(sibling(location, file)));
      shards.set(file, shard);
      tensors.set(key, shard.get(key));
    }
    return createCheckpoint({ name: source.name, format: "sharded", tensors, metadata, close });
  } catch (error) {
    await close();
    throw error;
  }
}

async function readIndex(
  source: ByteSource,
): Promise<{ weightMap: Map<string, string>; metadata: Map<string, string> }> {
  if (source.size > MAX_INDEX) throw new CheckpointError(`${source.name}: an index of ${source.size} bytes`);
  let index: Record<string, unknown>;
  try {
    index = parseFlatJson(await source.read(0, source.size));
  } catch (error) {
    throw locate(`${source.name}: neither a checkpoint nor a valid JSON index of one`, error);
  }
  const { weight_map: files, metadata = {} } = index;
  if (typeof files !== "object" || files === null)
    throw new CheckpointError(`${source.name}: a JSON file without the weight_map of a checkpoint index`);
  const weightMap = new Map<string, string>();
  for (const [key, file] of Object.entries(files)) {
    // Only a file name: no folder, no parent, no URL.
    if (typeof file !== "string" || !/^[^/\\:]+$/.test(file) || file === "..")
      throw new CheckpointError(
        `${source.name}: ${showName(key)} is in ${showName(String(file))}, which is not a file name in the folder of the index`,
      );
    weightMap.set(key, file);
  }
  const texts = Object.entries(metadata ?? {}).map(([key, value]): [string, string] => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return { weightMap, metadata: new Map(texts) };
}

function sibling(location: string | URL, file: string): string | URL {
  if (location instanceof URL || /^https?:/.test(location))
    return new URL(encodeURIComponent(file), location);
  return location.replace(/[^/\\]*$/, () => file);
}
