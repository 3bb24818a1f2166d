/**
 * Reading `.safetensors`: an 8-byte header length, a JSON header `{name: {dtype, shape, data_offsets}}`, and the data
 * (https://github.com/huggingface/safetensors, format). The header is read on opening, tensors on demand.
 */
import { type Checkpoint, createCheckpoint } from "../checkpoint.ts";
import { CheckpointError, locate, showName, showShape } from "../error.ts";
import type { ByteSource } from "../sources/source.ts";
import { StoredTensor } from "../stored.ts";
import { isStoredDType } from "../stored-dtype.ts";
import { parseFlatJson } from "./json.ts";

/** The limit of the reference implementation. */
export const MAX_HEADER_BYTES = 100_000_000;

/** @throws CheckpointError if the header, offsets and sizes are inconsistent with each other or with the file */
export async function openSafetensors(source: ByteSource): Promise<Checkpoint> {
  const { header, dataStart } = await readHeader(source);
  let metadata: ReadonlyMap<string, string> | undefined;
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    try {
      if (name === "__metadata__") metadata = parseMetadata(value);
      else entries.push(parseEntry(name, value));
    } catch (error) {
      throw locate(`${source.name}: ${showName(name)}`, error);
    }
  }

  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  const tensors = new Map<string, StoredTensor>();
  let reached = 0;
  for (const { name, dtype, shape, start, end } of entries) {
    const where = `${source.name}: ${showName(name)}`;
    if (start !== reached)
      throw new CheckpointError(
        `${where}: data_offsets [${start}, ${end}] ${start < reached ? "overlap" : "leave a gap after"} the previous tensor, which ends at ${reached}`,
      );
    reached = end;
    try {
      if (!isStoredDType(dtype) || dtype === "C128")
        throw new CheckpointError(`unknown dtype ${showName(dtype)}`);
      const read = (offset: number, length: number) => source.read(dataStart + start + offset, length);
      const tensor = new StoredTensor({ name, dtype, shape, readBytes: read });
      if (tensor.byteLength !== end - start)
        throw new CheckpointError(
          `${dtype} of shape ${showShape(shape)} takes ${tensor.byteLength} bytes, data_offsets span ${end - start}`,
        );
      tensors.set(name, tensor);
    } catch (error) {
      throw locate(where, error);
    }
  }
  const available = source.size - dataStart;
  if (reached !== available)
    throw new CheckpointError(
      `${source.name}: ${reached > available ? "truncated: " : ""}the header describes ${reached} bytes of data, the file has ${available}`,
    );
  const { name, close } = source;
  return createCheckpoint({ name, format: "safetensors", tensors, close, ...(metadata && { metadata }) });
}

/** The length of the header if the first bytes of a file look like safetensors. */
export function safetensorsHeaderLength(start: Uint8Array): number | undefined {
  if (start.byteLength < 9 || start[8] !== 0x7b /* { */) return undefined;
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  return length <= MAX_HEADER_BYTES ? Number(length) : undefined;
}

async function readHeader(source: ByteSource): Promise<{ header: object; dataStart: number }> {
  const fail = (problem: string): CheckpointError => new CheckpointError(`${source.name}: ${problem}`);
  if (source.size < 8) throw fail(`truncated: ${source.size} bytes, too short for a header length`);
  const length = new DataView((await source.read(0, 8)).buffer).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES)
    throw fail(
      `not a safetensors file: a header of ${length} bytes, at most ${MAX_HEADER_BYTES} are allowed`,
    );
  const dataStart = 8 + Number(length);
  if (dataStart > source.size)
    throw fail(`truncated: a header of ${length} bytes in a file of ${source.size}`);
  const bytes = await source.read(8, Number(length));
  if (bytes[0] !== 0x7b) throw fail("not a safetensors file: the header does not start with {");
  try {
    return { header: parseFlatJson(bytes), dataStart };
  } catch (error) {
    throw locate(`${source.name}: the header is damaged`, error);
  }
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

function parseEntry(name: string, value: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== "string") throw new CheckpointError("no dtype");
  if (!isCounts(shape)) throw new CheckpointError("no valid shape");
  if (!isCounts(offsets) || offsets.length !== 2) throw new CheckpointError("no valid data_offsets");
  const [start, end] = offsets as [number, number];
  if (end < start) throw new CheckpointError(`data_offsets [${start}, ${end}] end before they start`);
  return { name, dtype, shape, start, end };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function parseMetadata(value: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries(
    typeof value === "object" && value !== null && !Array.isArray(value) ? value : { "": 0 },
  );
  for (const [key, text] of entries)
    if (typeof text !== "string") throw new CheckpointError(`${showName(key)} must map to a string`);
  return new Map(entries as [string, string][]);
}
