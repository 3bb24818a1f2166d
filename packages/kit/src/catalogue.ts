/** All checkpoints of all tasks, and where they are stored. Node only. */
import {
  type CheckpointRecord,
  type DatasetRecord,
  type DatasetState,
  datasetStates,
  HubError,
  locateCheckpoint,
  shippedRecords,
  shippedRecordsOf,
  unknownName,
} from "@tessera-ml/hub";
import type * as z from "zod";
import type { Network } from "./networks/networks.ts";
import type { Recipe } from "./recipes/recipe.ts";
import { alsoCalled, findRecord, plainName } from "./records.ts";
import type { Study } from "./studies/study.ts";
import { type AnyTask, ownersOf } from "./task.ts";

/** `untrained`: a network without a checkpoint. */
export type Place = "shipped" | "cache" | "shared" | "absent" | "untrained";

/** A checkpoint, or a network that has none. */
export interface Item {
  readonly task: AnyTask;
  readonly name: string;
  readonly network: Network;
  readonly record?: CheckpointRecord;
  readonly place: Place;
  /** Path of the record's first file. */
  readonly path?: string;
  /** Bytes on this machine. */
  readonly size?: number;
}

/**
 * Records of a task: the checkpoints shipped with Tessera, then the published ones.
 *
 * @throws HubError `bad-data` naming the file and the invalid task-specific field
 */
export async function recordsOfTask(task: AnyTask): Promise<CheckpointRecord[]> {
  const [{ records }, { record }] = await Promise.all([task.catalogue(), task.schemas()]);
  const owner = task.checkpoints ?? task.name;
  const shipped = record
    ? shippedRecordsOf(owner, record as z.ZodType<CheckpointRecord>)
    : shippedRecords().filter((each) => each.task === owner);
  return [...shipped, ...records];
}

/** All checkpoints and untrained networks, by task and then by the network's year. */
export async function listItems(tasks: readonly AnyTask[]): Promise<Item[]> {
  const lists = await Promise.all(ownersOf(tasks).map(itemsOf));
  return lists.flat();
}

async function itemsOf(task: AnyTask): Promise<Item[]> {
  const { networks } = await task.catalogue();
  const records = Map.groupBy(await recordsOfTask(task), (record) => nameOfNetwork(networks, record));
  const items: Item[] = [];
  for (const network of networks.list()) {
    const checkpoints = records.get(network.name) ?? [];
    if (checkpoints.length === 0) items.push({ task, name: network.name, network, place: "untrained" });
    for (const record of checkpoints) {
      const found = await locateCheckpoint(record);
      const where = found
        ? { place: found.place, path: found.path, size: found.size }
        : { place: "absent" as const };
      items.push({ task, name: record.name, network, record, ...where });
    }
  }
  return items;
}

/** Undefined if the registry lacks the record's network: such a record is left out without hiding the others. */
function nameOfNetwork(
  networks: Awaited<ReturnType<AnyTask["catalogue"]>>["networks"],
  record: CheckpointRecord,
): string | undefined {
  try {
    return networks.ofRecord(record).network.name;
  } catch (error) {
    if (error instanceof HubError && error.code === "unknown-name") return undefined;
    throw error;
  }
}

/**
 * The items a name refers to: one checkpoint, or all of a network's.
 *
 * @throws HubError `unknown-name` with the closest names
 */
export function itemsNamed(items: readonly Item[], name: string): Item[] {
  const wanted = name.trim().toLowerCase();
  const [source, rest] = wanted.includes("/") ? wanted.split("/", 2) : [undefined, wanted];
  const within = source === undefined ? items : items.filter(({ record }) => record?.source === source);
  const plain = plainName(rest as string);
  const exact = within.filter((item) => plainName(item.name) === plain);
  if (exact.length > 0) return exact;
  const ofNetwork = within.filter(
    ({ network, record }) => plainName(network.name) === plain || (record && alsoCalled(record, plain)),
  );
  if (ofNetwork.length > 0) return ofNetwork;
  const known = items.map((item) => (name.includes(".") ? item.name : item.network.name));
  throw unknownName("network or checkpoint", name, [...new Set(known)], "tessera models");
}

/**
 * Finds the task and record of a checkpoint by name.
 *
 * @throws HubError `unknown-name` with the closest names of all tasks
 */
export async function findCheckpoint(
  tasks: readonly AnyTask[],
  name: string,
): Promise<{ task: AnyTask; record: CheckpointRecord }> {
  const all: { task: AnyTask; record: CheckpointRecord }[] = [];
  for (const task of ownersOf(tasks))
    for (const record of await recordsOfTask(task)) all.push({ task, record });
  const record = findRecord(
    all.map((each) => each.record),
    name,
  );
  return all.find((each) => each.record === record) as { task: AnyTask; record: CheckpointRecord };
}

/** Number of learned parameters; runs nothing. */
export function parametersOf({ network, record }: Item): number {
  return record?.params ?? network.create().parameterCount();
}

/** Every data set of every task, and whether it is on this machine. */
export async function listDatasets(tasks: readonly AnyTask[]): Promise<(DatasetState & { task: AnyTask })[]> {
  const lists = await Promise.all(
    ownersOf(tasks).map(async (task) => {
      const { data } = await task.catalogue();
      return (await datasetStates(data)).map((state) => ({ ...state, task }));
    }),
  );
  return lists.flat();
}

/** @throws HubError `unknown-name` with the closest names */
export async function findDataset(tasks: readonly AnyTask[], name: string): Promise<DatasetRecord> {
  const records = (await Promise.all(tasks.map(async (task) => (await task.catalogue()).data))).flat();
  const found = records.find((record) => record.name === name);
  if (found) return found;
  throw unknownName(
    "data set",
    name,
    records.map((record) => record.name),
    "tessera data list",
  );
}

/** A recipe and the task it trains for. */
export interface OfferedRecipe {
  readonly task: AnyTask;
  readonly recipe: Recipe;
}

/** All recipes, task by task. */
export async function listRecipes(tasks: readonly AnyTask[]): Promise<OfferedRecipe[]> {
  const lists = await Promise.all(
    tasks.map(async (task) => ((await task.workshop?.())?.recipes ?? []).map((recipe) => ({ task, recipe }))),
  );
  return lists.flat();
}

/** @throws HubError `unknown-name` with the closest names */
export async function findRecipe(tasks: readonly AnyTask[], name: string): Promise<OfferedRecipe> {
  const recipes = await listRecipes(tasks);
  const found = recipes.find(({ recipe }) => recipe.name === name);
  if (found) return found;
  const names = recipes.map(({ recipe }) => recipe.name);
  throw unknownName("recipe", name, names, "tessera train");
}

/** All studies, task by task. */
export async function listStudies(tasks: readonly AnyTask[]): Promise<Study[]> {
  const workshops = await Promise.all(tasks.map((task) => task.workshop?.()));
  return workshops.flatMap((workshop) => workshop?.studies ?? []);
}

/** @throws HubError `unknown-name` with the closest names */
export async function findStudy(tasks: readonly AnyTask[], name: string): Promise<Study> {
  const studies = await listStudies(tasks);
  const found = studies.find((study) => study.name === name);
  if (found) return found;
  const names = studies.map((study) => study.name);
  throw unknownName("study", name, names, "tessera study");
}
