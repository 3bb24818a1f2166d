/**
 * PyTorch files (`.pt`, `.pth`, `.th`, `.bin`): a zip archive with one pickle and one entry per storage or, before
 * PyTorch 1.6, five pickles followed by the storages. torch/serialization.py, `_load` and `_legacy_load`.
 */
import { CheckpointError, locate, showName } from "../error.ts";
import { unpickle } from "../pickle/machine.ts";
import { PickleTruncated } from "../pickle/reader.ts";
import {
  asArray,
  asText,
  type PickleCall,
  PickleGlobal,
  type PickleHost,
  type PickleValue,
} from "../pickle/values.ts";
import { type ByteSource, memorySource } from "../sources/source.ts";
import type { ZipEntry } from "../sources/zip.ts";
import type { ReadBytes } from "../stored.ts";
import { storedBits } from "../stored-dtype.ts";
import { type PickleOptions, storageLayout, TorchStorage, torchGlobal } from "./globals.ts";

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;
// If the end of a pickle is unknown, read this much first, then four times as much, and so on.
const FIRST_WINDOW = 2 ** 20;
const MAX_PICKLE = 2 ** 31;
const LOAD_STORAGE = "torch.storage._load_from_bytes";

/** Reads the object in a zip archive written by `torch.save`. */
export async function readTorchZip(
  source: ByteSource,
  entries: ReadonlyMap<string, ZipEntry>,
  options: PickleOptions,
): Promise<PickleValue> {
  const pickles = [...entries.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  const pickle = entries.get(pickles[0] ?? "");
  if (pickle === undefined || pickles.length > 1)
    throw new CheckpointError(
      `${source.name}: ${pickles.length} entries data.pkl in the archive, expected one`,
    );
  const root = pickle.name.slice(0, -"data.pkl".length);
  const bigEndian = await isBigEndian(source, entries.get(`${root}byteorder`));

  const storages = new Map<string, TorchStorage>();
  const host: PickleHost = {
    global: (name) => torchGlobal(name, options),
    persistent(id) {
      const [kind, type = null, key = null, , count = null] = asArray(id);
      if (kind !== "storage") throw new CheckpointError("a persistent id that is not a storage");
      const { dtype, byteLength } = storageLayout(type, count);
      const known = storages.get(`${dtype} ${asText(key)}`);
      if (known !== undefined) return known;
      const entry = entries.get(`${root}data/${asText(key)}`);
      if (entry === undefined || entry.size < byteLength)
        throw new CheckpointError(
          `storage ${showName(asText(key))} of ${byteLength} bytes, the archive has ${entry?.size ?? "none"}`,
        );
      const storage = new TorchStorage(dtype, byteLength, entry.read, bigEndian);
      storages.set(`${dtype} ${asText(key)}`, storage);
      return storage;
    },
  };
  try {
    return unpickle(await pickle.read(0, pickle.size), 0, host).value;
  } catch (error) {
    throw locate(`${source.name}: ${showName(pickle.name)}`, error);
  }
}

async function isBigEndian(source: ByteSource, entry: ZipEntry | undefined): Promise<boolean> {
  if (entry === undefined) return false;
  const order = new TextDecoder().decode(await entry.read(0, Math.min(entry.size, 16)));
  if (order !== "little" && order !== "big")
    throw new CheckpointError(`${source.name}: byte order ${showName(order)}, expected little or big`);
  return order === "big";
}

/** Whether the first bytes are those of a file from PyTorch before 1.6, with any pickle protocol. */
export function isLegacyTorch(start: Uint8Array<ArrayBuffer>): boolean {
  try {
    return unpickle(start, 0, NOTHING_ALLOWED).value === LEGACY_MAGIC;
  } catch {
    return false;
  }
}

const refuse = (): never => {
  throw new CheckpointError("expected only numbers here");
};
const NOTHING_ALLOWED: PickleHost = { global: refuse, persistent: refuse };

/** Reads the object in a file from PyTorch before 1.6. */
export async function readLegacyTorch(source: ByteSource, options: PickleOptions): Promise<PickleValue> {
  return await withGrowingWindow(source, (bytes) => parseLegacyTorch(bytes, source, options));
}

function parseLegacyTorch(
  bytes: Uint8Array<ArrayBuffer>,
  source: ByteSource,
  options: PickleOptions,
): PickleValue {
  const records = new Map<string, LegacyRecord>();
  const host: PickleHost = {
    global: (name) => torchGlobal(name, options),
    persistent: (id) => legacyStorage(source, records, asArray(id)),
  };
  const magic = unpickle(bytes, 0, NOTHING_ALLOWED);
  const protocol = unpickle(bytes, magic.end, NOTHING_ALLOWED);
  if (protocol.value !== LEGACY_PROTOCOL)
    throw new CheckpointError(
      `expected a PyTorch file of protocol 1001, got ${typeof protocol.value === "number" ? protocol.value : "unknown"}`,
    );
  const system = unpickle(bytes, protocol.end, NOTHING_ALLOWED);
  const object = unpickle(bytes, system.end, host);
  const keys = unpickle(bytes, object.end, NOTHING_ALLOWED);

  let at = keys.end;
  for (const key of asArray(keys.value)) {
    const record = records.get(asText(key));
    if (record === undefined)
      throw new CheckpointError(`storage ${showName(asText(key))} is not used by any tensor`);
    record.start = at + COUNT_BYTES;
    at = record.start + record.byteLength;
  }
  if (at > source.size)
    throw new CheckpointError(`truncated: the storages end at byte ${at}, the file at ${source.size}`);
  for (const [key, { start }] of records)
    if (Number.isNaN(start)) throw new CheckpointError(`storage ${showName(key)} is not in the file`);
  return object.value;
}

/** A storage in the file: an 8-byte element count, then the elements, always little-endian. */
interface LegacyRecord {
  readonly byteLength: number;
  readonly itemBytes: number;
  readonly read: ReadBytes;
  /** NaN until the list of storages after the pickle has been read. */
  start: number;
}
const COUNT_BYTES = 8;

function legacyStorage(
  source: ByteSource,
  records: Map<string, LegacyRecord>,
  id: readonly PickleValue[],
): PickleValue {
  const [kind, type = null, key = null, , count = null, view = null] = id;
  // A module with its source code, as written by torch.save(model): use only the class.
  if (kind === "module") return type;
  if (kind !== "storage") throw new CheckpointError("a persistent id that is not a storage");
  const { dtype, byteLength } = storageLayout(type, count);
  const itemBytes = dtype === undefined ? 1 : storedBits(dtype) / 8;
  const record = records.get(asText(key)) ?? legacyRecord(source, asText(key), byteLength, itemBytes);
  records.set(asText(key), record);
  if (record.byteLength !== byteLength)
    throw new CheckpointError(
      `storage ${showName(asText(key))} has ${byteLength} bytes here, ${record.byteLength} before`,
    );
  if (view === null) return new TorchStorage(dtype, byteLength, record.read);
  // A storage within a storage: key, first element, elements.
  const [, first, elements] = asArray(view);
  const start = Number(typeof first === "number" ? first : NaN) * itemBytes;
  const length = Number(typeof elements === "number" ? elements : NaN) * itemBytes;
  if (!(start >= 0 && length >= 0 && start + length <= byteLength))
    throw new CheckpointError(`a view beyond the storage ${showName(asText(key))}`);
  return new TorchStorage(dtype, length, (offset, size) => record.read(start + offset, size));
}

function legacyRecord(source: ByteSource, key: string, byteLength: number, itemBytes: number): LegacyRecord {
  let checked: Promise<void> | undefined;
  const check = async (start: number): Promise<void> => {
    const count = new DataView((await source.read(start - COUNT_BYTES, COUNT_BYTES)).buffer).getBigUint64(
      0,
      true,
    );
    if (count !== BigInt(byteLength / itemBytes))
      throw new CheckpointError(
        `storage ${showName(key)} has ${count} elements in the file, but ${byteLength / itemBytes} in the pickle`,
      );
  };
  const record: LegacyRecord = {
    byteLength,
    itemBytes,
    start: Number.NaN,
    async read(offset, length) {
      checked ??= check(record.start);
      await checked;
      return source.read(record.start + offset, length);
    },
  };
  return record;
}

/**
 * Reads a pickle that was not written by `torch.save`: NumPy arrays, numbers, strings, and tensors pickled as any
 * other object, each of whose storages is a legacy PyTorch file of its own.
 */
export async function readPlainPickle(source: ByteSource, options: PickleOptions): Promise<PickleValue> {
  const storage: PickleCall = ([data = null], context) => {
    if (!(data instanceof Uint8Array)) throw new CheckpointError(`${LOAD_STORAGE} of what is not bytes`);
    context.charge(data.length);
    return parseLegacyTorch(data, memorySource(data, "pickled storage"), options);
  };
  const host: PickleHost = {
    global: (name) => (name === LOAD_STORAGE ? new PickleGlobal(name, storage) : torchGlobal(name, options)),
    persistent: refuse,
  };
  return await withGrowingWindow(source, (bytes) => unpickle(bytes, 0, host).value);
}

async function withGrowingWindow<T>(
  source: ByteSource,
  parse: (bytes: Uint8Array<ArrayBuffer>) => T,
): Promise<T> {
  for (let window = FIRST_WINDOW; ; window *= 4) {
    const bytes = await source.read(0, Math.min(window, source.size));
    try {
      return parse(bytes);
    } catch (error) {
      const more = bytes.byteLength < Math.min(source.size, MAX_PICKLE);
      if (!(error instanceof PickleTruncated && more)) throw locate(source.name, error);
    }
  }
}
