import { join } from "node:path";
import { countOf, type DataFile, type DatasetRecord, type Form, filesOf } from "./data-record.ts";
import { byHand, download } from "./download.ts";
import { cacheRoot, isOffline, sharedFile } from "./environment.ts";
import { HubError } from "./error.ts";
import { formatBytes, statFile } from "./files.ts";
import type { ReportProgress } from "./progress.ts";

/** `data/<name>/<file>` in the cache. */
export function dataCachePath(record: DatasetRecord, file: string): string {
  return join(cacheRoot(), "data", record.name, file);
}

/** A file of a data set on this machine. */
export interface LocalDataFile {
  file: DataFile;
  path: string;
  /** in the cache, not in the shared data folder */
  cached: boolean;
}

/** Finds a file, in the cache before the shared folder. */
async function locate(record: DatasetRecord, file: DataFile): Promise<LocalDataFile | undefined> {
  const inCache = dataCachePath(record, file.file);
  if (await statFile(inCache)) return { file, path: inCache, cached: true };
  const path = file.shared === undefined ? undefined : sharedFile(file.shared);
  return path === undefined ? undefined : { file, path, cached: false };
}

/** A form whose files are all on this machine. */
export interface LocalForm {
  form: Form;
  /** in the order of {@link filesOf} */
  files: LocalDataFile[];
}

/** The first form for which all files that `split` needs are on this machine. */
async function localForm(record: DatasetRecord, split?: string): Promise<LocalForm | undefined> {
  for (const form of record.forms) {
    const files: LocalDataFile[] = [];
    for (const file of filesOf(form, split)) {
      const local = await locate(record, file);
      if (local === undefined) break;
      files.push(local);
    }
    if (files.length === filesOf(form, split).length) return { form, files };
  }
  return undefined;
}

/**
 * Like {@link localForm}, but throws `absent` for missing files, with instructions to get them, and with those of
 * `others` from the same source that are available.
 */
export async function requireForm(
  record: DatasetRecord,
  split?: string,
  others: readonly DatasetRecord[] = [],
): Promise<LocalForm> {
  const local = await localForm(record, split);
  if (local) return local;
  const kin = others.filter((other) => other.name !== record.name && other.home === record.home);
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
    const places = record.forms[0].files.map(
      ({ file, sha256 }) => `  ${dataCachePath(record, file)}  (SHA-256 ${sha256})`,
    );
    return `It is not published in this form; if you have it, save it as\n${places.join("\n")}`;
  }
  const size = form.files.reduce((sum, file) => sum + (file.size ?? Number.NaN), 0);
  const command = `\`tessera data get ${record.name}\` downloads it${size ? ` (${formatBytes(size)})` : ""}.`;
  if (!isOffline()) return command;
  const [first] = form.files;
  const all =
    form.files.length > 1
      ? `\nIt has ${form.files.length} files, all for that folder; the first is shown.`
      : "";
  return `TESSERA_OFFLINE is set.\n${byHand(first!.urls[0]!, dataCachePath(record, first!.file), first)}${all}`;
}

export interface DatasetState<R extends DatasetRecord = DatasetRecord> {
  record: R;
  /** `shared`: some of it is in the shared data folder */
  place: "cache" | "shared" | "absent";
  /** bytes to download, if the size of every file is known */
  size?: number | undefined;
}

/** Where each data set is on this machine. */
export async function datasetStates<R extends DatasetRecord>(
  records: readonly R[],
): Promise<DatasetState<R>[]> {
  const states: DatasetState<R>[] = [];
  for (const record of records) {
    const local = await localForm(record);
    const cached = local?.files.every((file) => file.cached);
    const size = fetchable(record)?.files.reduce((sum, file) => sum + (file.size ?? Number.NaN), 0);
    states.push({ record, place: !local ? "absent" : cached ? "cache" : "shared", size: size || undefined });
  }
  return states;
}

/** Downloads in parallel: few enough for the server, enough to hide the latency of a hundred small files. */
const together = 4;

/**
 * Downloads the files of a data set unless they are on this machine, and verifies them. Returns the number downloaded.
 * Throws what {@link download} throws, `unknown-name` for a split it does not have, and `absent` for a data set that is
 * not published.
 */
export async function getDataset(
  record: DatasetRecord,
  options: {
    /** default: all splits */
    split?: string | undefined;
    progress?: ReportProgress | undefined;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<{ fetched: number }> {
  const { split, ...transfer } = options;
  if (split !== undefined && record.splits) countOf(record, split);
  if (await localForm(record, split)) return { fetched: 0 };
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
  return { fetched };
}
