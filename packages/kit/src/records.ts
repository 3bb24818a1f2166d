/** Records by name. Runs on Node and in browsers. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import { unknownName } from "@tessera-ml/hub/names";

/** File name of a network trained here, both in the run's folder and where it ships. */
export const MODEL = "model.safetensors";

/**
 * Finds a record by its full name (`resnet50.tv_in1k_v2`), by network (`resnet50`: the network's first
 * record), by either with a source prefix (`timm/resnet50`), or by Hugging Face repository
 * (`google/vit-base-patch16-224`). Case-insensitive.
 *
 * @throws HubError `unknown-name` with the closest names
 */
export function findRecord<R extends CheckpointRecord>(records: readonly R[], name: string): R {
  const wanted = name.trim().toLowerCase();
  const [source, rest] = wanted.includes("/") ? wanted.split("/", 2) : [undefined, wanted];
  const within = source === undefined ? records : records.filter((record) => record.source === source);
  const found =
    within.find((record) => record.name === rest) ??
    within.find((record) => record.network === rest) ??
    records.find(({ files }) => files[0].url?.startsWith(`https://huggingface.co/${wanted}/`));
  if (found) return found;
  // A name without a tag is a network.
  const names = new Set(records.map((record) => (wanted.includes(".") ? record.name : record.network)));
  throw unknownName("checkpoint", name, [...names], "tessera models");
}

/** A record's value for a metric, if it has one. */
export function figureOf({ evaluation }: CheckpointRecord, metric: string): number | undefined {
  return evaluation?.metrics[metric];
}

/** Total bytes of all files; undefined if any size is unknown. */
export function sizeOf({ files }: CheckpointRecord): number | undefined {
  const sizes = files.map(
    ({ size, sizeMiB }) => size ?? (sizeMiB === undefined ? undefined : sizeMiB * 2 ** 20),
  );
  return sizes.includes(undefined)
    ? undefined
    : sizes.reduce<number>((sum, size) => sum + (size as number), 0);
}
