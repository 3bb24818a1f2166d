/** Networks of the registry together with the checkpoints that have a name, and where those lie. */
import { locateCheckpoint, unknownName } from "@tessera-ml/hub";
import {
  accuracyOf,
  type ClassifierRecord,
  findNetwork,
  listModels,
  type ModelEntry,
} from "@tessera-ml/vision";
import { classifierRecords } from "@tessera-ml/vision/records";

/** A checkpoint of a network; a network without one has no record. */
export interface Item {
  readonly name: string;
  readonly entry: ModelEntry;
  readonly record?: ClassifierRecord;
  /** `untrained`: there is no checkpoint, `tessera train` may make one. */
  readonly place: "shipped" | "cache" | "shared" | "absent" | "untrained";
  readonly path?: string;
  /** bytes */
  readonly size?: number;
}

/** All of them, in the order of the networks' years. */
export async function listItems(): Promise<Item[]> {
  const records = Map.groupBy(classifierRecords(), (record) => findNetwork(record).name);
  const items: Item[] = [];
  for (const entry of listModels()) {
    const checkpoints = records.get(entry.name) ?? [];
    if (checkpoints.length === 0) items.push({ name: entry.name, entry, place: "untrained" });
    for (const record of checkpoints) {
      const found = await locateCheckpoint(record);
      items.push({ name: record.name, entry, record, ...(found ?? { place: "absent" }) });
    }
  }
  return items;
}

/** The items that a name means: one checkpoint, or all of a network. Throws with the names most like it. */
export function itemsNamed(items: readonly Item[], name: string): Item[] {
  const wanted = name.trim().toLowerCase();
  const [source, rest] = wanted.includes("/") ? wanted.split("/", 2) : [undefined, wanted];
  const within = source === undefined ? items : items.filter(({ record }) => record?.source === source);
  const exact = within.filter((item) => item.name === rest);
  if (exact.length > 0) return exact;
  const network = within.filter(({ entry, record }) => entry.name === rest || record?.network === rest);
  if (network.length > 0) return network;
  const known = items.map((item) => (name.includes(".") ? item.name : item.entry.name));
  throw unknownName("model", name, [...new Set(known)], "tessera models");
}

/** Learned parameters; nothing is computed for them. */
export function parametersOf({ entry, record }: Item): number {
  return record?.params ?? entry.create().parameterCount();
}

/** What is here, and what would be fetched. */
export function sizeOf({ size, record }: Item): number | undefined {
  if (size !== undefined || record === undefined) return size;
  const published = record.files.reduce(
    (sum, file) => sum + (file.size ?? (file.sizeMiB ?? Number.NaN) * 2 ** 20),
    0,
  );
  return published || undefined;
}

/** An item as programs read it. */
export function toJson(item: Item): object {
  const { name, entry, record, place, path } = item;
  return {
    name,
    network: entry.name,
    family: entry.family,
    year: entry.year,
    paper: entry.paper,
    params: parametersOf(item),
    input: [entry.channels, entry.inputSize, entry.inputSize],
    classes: record?.classes.count ?? entry.classes,
    accuracy: record && accuracyOf(record),
    licence: record?.licence,
    source: record?.source,
    url: record?.files[0].url,
    bytes: sizeOf(item),
    place,
    path,
    preprocessing: record?.preprocessing,
    note: record?.note,
  };
}
