import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import {
  acceptFile,
  countOf,
  dataCachePath,
  HubError,
  type LocalDataFile,
  type LocalForm,
  Meter,
  type ReportProgress,
  requireForm,
} from "@tessera-ml/hub";
import { checkLabels, readCifar, readFloats, readIdx, readUspsText } from "./formats.ts";
import { imagenetSampleClass } from "./imagenet-sample.ts";
import { unpackedOnce } from "./once.ts";
import type { Samples, SamplesRecord, Split } from "./record.ts";
import { datasetRecords } from "./records.ts";
import { type DatasetName, findDataset, type PixelsOf } from "./registry.ts";
import { type Unpacked, unpackCifarArchive, unpackCifarJpeg } from "./unpack.ts";

export interface ReadDatasetOptions {
  /** Default `train`. */
  split?: Split | undefined;
  progress?: ReportProgress | undefined;
  signal?: AbortSignal | undefined;
}

/** A split in memory. */
export interface LoadedDataset<Pixels extends Uint8Array | Float32Array> extends Samples<Pixels> {
  name: string;
  split: Split;
  /** [N, C, H, W] */
  shape: [number, number, number, number];
  classes: readonly string[];
}

/**
 * Loads a data set from this machine: from the cache, else from the shared data folder. Archives are unpacked once and
 * cached.
 *
 * Throws `unknown-name`, `absent` with how to get it, or `checksum`, `size` or `bad-data` for files with unexpected
 * contents.
 */
export async function loadDataset<N extends DatasetName>(
  name: N,
  options?: ReadDatasetOptions,
): Promise<LoadedDataset<PixelsOf<N>>>;
export async function loadDataset(
  name: string,
  options?: ReadDatasetOptions,
): Promise<LoadedDataset<Uint8Array | Float32Array>>;
export async function loadDataset(
  name: string,
  options: ReadDatasetOptions = {},
): Promise<LoadedDataset<Uint8Array | Float32Array>> {
  const record = findDataset(name);
  if (record.kind !== "samples") {
    throw new HubError(
      "bad-data",
      `${record.name} holds photographs of various sizes, not arrays: use loadPhotographs`,
    );
  }
  const { split = "train", signal } = options;
  const count = countOf(record, split);
  const local = await requireForm(record, split, datasetRecords());
  const meter = new Meter(record.name, options.progress);
  const samples = await read(record, split, count, local, meter, signal);
  const { classes, shape } = record;
  checkLabels(samples.labels, classes.length, `${record.name}, ${split}`);
  return { ...samples, name: record.name, split, shape: [count, ...shape], classes };
}

async function read(
  record: SamplesRecord,
  split: Split,
  count: number,
  { form, files }: LocalForm,
  meter: Meter,
  signal: AbortSignal | undefined,
): Promise<Samples> {
  const [first, second] = files.map((local) => ({
    path: local.path,
    bytes: () => contentOf(local, signal),
  }));
  const { path } = first!;
  switch (form.format) {
    case "idx":
      return {
        images: readIdx(await first!.bytes(), [count, ...record.shape.slice(1)], path),
        labels: readIdx(await second!.bytes(), [count], second!.path),
      };
    case "usps-text":
      return readUspsText(new TextDecoder().decode(await first!.bytes()), count, path);
    case "usps-f32":
      return {
        images: readFloats(await first!.bytes(), count * 256, path),
        labels: await second!.bytes(),
      };
    case "cifar-records":
      return readCifar(await first!.bytes(), count, path);
    case "cifar-archive":
    case "cifar-jpeg": {
      const unpack = async (): Promise<Unpacked> => {
        await acceptFile(path, files[0]!.file, { signal, meter, mark: files[0]!.cached });
        if (form.format === "cifar-archive") return await unpackCifarArchive(path, signal);
        const counts = { train: record.splits.train ?? 0, test: record.splits.test ?? 0 };
        return await unpackCifarJpeg(path, record.classes, counts, meter, signal);
      };
      return readCifar(
        await unpackedOnce(dataCachePath(record, ""), split, count, unpack, meter, signal),
        count,
        path,
      );
    }
    default:
      throw new HubError("bad-data", `${record.name}: ${form.format} does not hold arrays`);
  }
}

/** Content of a verified file, decompressed if its name ends in `.gz`. */
async function contentOf(
  { file, path, cached }: LocalDataFile,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  // If the content's hash is known, the archive's own hash adds nothing.
  if (file.contentSha256 === undefined) await acceptFile(path, file, { signal, mark: cached });
  const raw = await readFile(path, { signal });
  if (!file.file.endsWith(".gz")) return new Uint8Array(raw);
  const content = await promisify(gunzip)(raw).catch((error: unknown) => {
    throw new HubError("bad-data", `${path}: not a complete .gz file (${String(error)})`, { cause: error });
  });
  if (file.contentSha256 !== undefined) {
    const got = createHash("sha256").update(content).digest("hex");
    if (got !== file.contentSha256) {
      const expected = `expected content with SHA-256 ${file.contentSha256}, got ${got}`;
      throw new HubError("checksum", `${path}: ${expected}. Delete it and fetch it again.`);
    }
  }
  return new Uint8Array(content.buffer, content.byteOffset, content.byteLength) as Uint8Array<ArrayBuffer>;
}

/** A photograph and its class. */
export interface Photograph {
  path: string;
  wnid: string;
  label: string;
  /** ILSVRC class, 0 to 999. */
  classIndex: number;
}

/**
 * Verified photographs of a data set on this machine, ordered by class.
 * Throws as {@link loadDataset} does.
 */
export async function loadPhotographs(
  name: "imagenet-sample",
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Photograph[]> {
  const { files } = await requireForm(findDataset(name));
  const photographs: Photograph[] = [];
  for (const [i, { file, path, cached }] of files.entries()) {
    await acceptFile(path, file, { ...options, mark: cached });
    photographs.push({ path, ...imagenetSampleClass(i) });
  }
  return photographs;
}
