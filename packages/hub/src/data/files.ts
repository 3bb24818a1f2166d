import { join } from "node:path";
import { byHand, download } from "../download.ts";
import { cacheRoot, isOffline, sharedFile } from "../environment.ts";
import { HubError } from "../error.ts";
import { formatBytes, statFile } from "../files.ts";
import type { ReportProgress } from "../progress.ts";
import { type DataFile, type DatasetRecord, type Form, filesOf, type Split } from "./record.ts";
import { countOf, datasetRecords, findDataset } from "./registry.ts";

/** `data/<name>/<file>` in the cache. */
export function dataCachePath(record: DatasetRecord, file: string): string {
  return join(cacheRoot(), "data", record.name, file);
}

/** A file of a data set on this machine. */
export interface LocalFile {
  file: DataFile;
  path: string;
  /** In the cache, not in the shared data folder. */
  cached: boolean;
}

/** The cache's file before the shared folder's. */
async function locate(record: DatasetRecord, file: DataFile): Promise<LocalFile | undefined> {
  const inCache = dataCachePath(record, file.file);
  if (await statFile(inCache)) return { file, path: inCache, cached: true };
  const path = file.shared === undefined ? undefined : sharedFile(file.shared);
  return path === undefined ? undefined : { file, path, cached: false };
}

/** A form that is there whole. */
export interface LocalForm {
  form: Form;
  /** in the order of {@link filesOf} */
  files: LocalFile[];
}

/** The first form of which everything that `split` needs lies on this machine. */
async function localForm(record: DatasetRecord, split?: Split): Promise<LocalForm | undefined> {
  for (const form of record.forms) {
    const files: LocalFile[] = [];
    for (const file of filesOf(form, split)) {
      const local = await locate(record, file);
      if (local === undefined) break;
      files.push(local);
    }
    if (files.length === filesOf(form, split).length) return { form, files };
  }
  return undefined;
}

/** The same, but missing files are the error `absent`, which says how to get them. */
export async function requireForm(record: DatasetRecord, split?: Split): Promise<LocalForm> {
  const local = await localForm(record, split);
  if (local) return local;
  const kin = datasetRecords().filter((other) => other.name !== record.name && other.home === record.home);
  const near: string[] = [];
  for (const other of kin) if (await localForm(other, split)) near.push(`${other.name} (${other.title})`);
  const hint = near.length > 0 ? `\nHere is only ${near.join(", ")}.` : "";
  throw new HubError("absent", `${record.name} is not on this machine. ${howToGet(record)}${hint}`);
}

function fetchable(record: DatasetRecord): Form | undefined {
  return record.forms.find((form) => form.files.every((file) => file.urls.length > 0));
}

function howToGet(record: DatasetRecord): string {
  const form = fetchable(record);
  if (!form) {
    const places = record.forms[0]!.files.map(
      ({ file, sha256 }) => `  ${dataCachePath(record, file)}  (SHA-256 ${sha256})`,
    );
    return `It is published nowhere in this form; who has it puts it at\n${places.join("\n")}`;
  }
  const size = form.files.reduce((sum, file) => sum + (file.size ?? Number.NaN), 0);
  const command = `\`tessera data get ${record.name}\` downloads it${size ? ` (${formatBytes(size)})` : ""}.`;
  if (!isOffline()) return command;
  const [first] = form.files;
  const all =
    form.files.length > 1
      ? `\nIt has ${form.files.length} files; they all go there, the first is shown.`
      : "";
  return `TESSERA_OFFLINE is set.\n${byHand(first!.urls[0]!, dataCachePath(record, first!.file), first)}${all}`;
}

export interface DatasetState {
  record: DatasetRecord;
  /** `shared`: some of it lies in the shared data folder */
  place: "cache" | "shared" | "absent";
  /** bytes to download, where every file's size is known */
  size?: number | undefined;
}

/** Every data set, and whether it is on this machine. */
export async function listDatasets(): Promise<DatasetState[]> {
  const states: DatasetState[] = [];
  for (const record of datasetRecords()) {
    const local = await localForm(record);
    const cached = local?.files.every((file) => file.cached);
    const size = fetchable(record)?.files.reduce((sum, file) => sum + (file.size ?? Number.NaN), 0);
    states.push({ record, place: !local ? "absent" : cached ? "cache" : "shared", size: size || undefined });
  }
  return states;
}

/** Few enough to be polite, enough to hide the latency of a hundred small files. */
const together = 4;

/**
 * Brings a data set's files to this machine, unless they are here, and verifies them.
 * Returns how many were fetched. Throws what {@link download} throws, `unknown-name`, and `absent` for a data set that
 * is published nowhere.
 */
export async function getDataset(
  name: string,
  options: {
    /** Default: all splits. */
    split?: Split | undefined;
    progress?: ReportProgress | undefined;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<{ record: DatasetRecord; fetched: number }> {
  const record = findDataset(name);
  const { split, ...transfer } = options;
  if (split !== undefined && record.kind === "samples") countOf(record, split);
  if (await localForm(record, split)) return { record, fetched: 0 };
  const form = fetchable(record);
  if (!form) throw new HubError("absent", `${record.name} is not on this machine. ${howToGet(record)}`);
  const queue = [...filesOf(form, split)];
  let fetched = 0;
  const work = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const [url, ...mirrors] = file.urls;
      const { size, sha256 } = file;
      const done = await download(url!, dataCachePath(record, file.file), {
        size,
        sha256,
        mirrors,
        ...transfer,
      });
      if (done.fetched) fetched++;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: together }, work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return { record, fetched };
}
