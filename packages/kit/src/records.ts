/** Records by name. Runs on Node and in browsers. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import { unknownName } from "@tessera-ml/hub/names";

/** File name of a network trained here, both in the run's folder and where it ships. */
export const MODEL = "model.safetensors";

/** A name without regard to case, or to whether words are joined by `-` or `_`. */
export function plainName(name: string): string {
  return name.trim().toLowerCase().replaceAll("-", "_");
}

/** Whether a record is of the network `name`, or has it as an alias. */
export function alsoCalled({ network, aliases = [] }: CheckpointRecord, name: string): boolean {
  return [network, ...aliases].some((other) => plainName(other) === plainName(name));
}

/**
 * Finds a record by its full name (`resnet50.tv_in1k_v2`), by network or alias (`resnet50`: the first record
 * that has it), by either with a source prefix (`timm/resnet50`), or by Hugging Face repository
 * (`google/vit-base-patch16-224`). Case-insensitive; `-` and `_` are the same.
 *
 * @throws HubError `unknown-name` with the closest names
 */
export function findRecord<R extends CheckpointRecord>(records: readonly R[], name: string): R {
  const wanted = name.trim().toLowerCase();
  const [source, rest] = wanted.includes("/")
    ? (wanted.split("/", 2) as [string, string])
    : [undefined, wanted];
  const within = source === undefined ? records : records.filter((record) => record.source === source);
  const page = `https://huggingface.co/${wanted}/`;
  const found =
    within.find((record) => plainName(record.name) === plainName(rest)) ??
    within.find((record) => alsoCalled(record, rest)) ??
    records.find(({ files }) => files[0].url?.toLowerCase().startsWith(page));
  if (found) return found;
  // A name without a tag is a network.
  const names = new Set(
    records.flatMap(({ name, network, aliases = [] }) =>
      wanted.includes(".") ? [name] : [network, ...aliases],
    ),
  );
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
