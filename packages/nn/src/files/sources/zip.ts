/**
 * Random access to zip archives: the directory is read on opening, entries on demand. Uncompressed entries, as
 * written by PyTorch and NumPy, are read in place, so that reading a row of a tensor costs a row.
 */
import { CheckpointError, locate, showName } from "../error.ts";
import type { ByteSource } from "./source.ts";
import { type DirectoryEntry, readDirectory } from "./zip-directory.ts";

export interface ZipEntry {
  readonly name: string;
  /** Uncompressed number of bytes. */
  readonly size: number;
  /**
   * Reads exactly `length` bytes of the content. A compressed entry is decompressed from its start, and its checksum
   * is verified if the end is reached. Uncompressed content is not verified, because a part has no checksum
   * (and PyTorch can write files without any).
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

const STORED = 0;
const DEFLATED = 8;
const LOCAL_HEADER_BYTES = 30;
// The maximum compression ratio of deflate (two bits for 258 equal bytes).
const MAX_DEFLATE_RATIO = 1032;
const MAX_INFLATED = 2 ** 31;
const INFLATE_PIECE = 2 ** 18;

/** Returns the files of an archive by name. @throws CheckpointError for a damaged directory or duplicate names */
export async function openZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const entries = new Map<string, ZipEntry>();
  try {
    for (const entry of await readDirectory(source)) {
      const { name } = entry;
      if (name.endsWith("/")) continue;
      if (entry.offset + LOCAL_HEADER_BYTES + entry.compressedSize > source.size)
        throw new CheckpointError(`${showName(name)} ends beyond the archive`);
      if (entries.has(name)) throw new CheckpointError(`the archive has duplicate entries ${showName(name)}`);
      entries.set(name, zipEntry(source, entry));
    }
    return entries;
  } catch (error) {
    throw locate(`${source.name}: damaged zip archive`, error);
  }
}

function zipEntry(source: ByteSource, entry: DirectoryEntry): ZipEntry {
  const { name, size, compressedSize, method } = entry;
  const where = `${source.name}: ${showName(name)}`;
  let dataStart: Promise<number> | undefined;
  return {
    name,
    size,
    async read(offset, length) {
      try {
        if (entry.encrypted) throw new CheckpointError("encrypted");
        if (offset < 0 || length < 0 || offset + length > size)
          throw new CheckpointError(`bytes ${offset} to ${offset + length} are out of range, has ${size}`);
        if (method !== STORED && method !== DEFLATED)
          throw new CheckpointError(`unsupported compression method ${method}; expected stored or deflate`);
        if (method === STORED && size !== compressedSize)
          throw new CheckpointError(`claims ${size} bytes, but stores ${compressedSize}`);
        if (method === DEFLATED && (size > MAX_DEFLATE_RATIO * compressedSize || size > MAX_INFLATED))
          throw new CheckpointError(`claims to decompress from ${compressedSize} to ${size} bytes`);
        dataStart ??= findData(source, entry.offset);
        const start = await dataStart;
        if (method === STORED) return await source.read(start + offset, length);
        return await inflateRange(packedBytes(source, start, compressedSize), entry, offset, length);
      } catch (error) {
        throw locate(where, error);
      }
    },
  };
}

/** The local header must be read: its name and extra field can differ in length from those in the directory. */
async function findData(source: ByteSource, headerStart: number): Promise<number> {
  const header = new DataView((await source.read(headerStart, LOCAL_HEADER_BYTES)).buffer);
  if (header.getUint32(0, true) !== 0x04034b50)
    throw new CheckpointError("no entry at the offset in the directory");
  return headerStart + LOCAL_HEADER_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
}

function packedBytes(
  source: ByteSource,
  start: number,
  length: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let done = 0;
  return new ReadableStream({
    async pull(controller) {
      if (done === length) return controller.close();
      const piece = Math.min(INFLATE_PIECE, length - done);
      controller.enqueue(await source.read(start + done, piece));
      done += piece;
    },
  });
}

/** Decompresses no more than necessary, and keeps only the range. */
async function inflateRange(
  packed: ReadableStream<Uint8Array<ArrayBuffer>>,
  { size, crc32 }: DirectoryEntry,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(length);
  const end = offset + length;
  let position = 0;
  let checksum = 0;
  const inflated = packed.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  try {
    for (let next = await inflated.read(); !next.done; next = await inflated.read()) {
      const chunk = next.value;
      const from = Math.max(0, offset - position);
      const piece = chunk.subarray(from, Math.max(from, end - position));
      if (piece.length > 0) out.set(piece, position + from - offset);
      position += chunk.length;
      if (position > size) throw new CheckpointError(`decompresses to more than the ${size} bytes it claims`);
      if (position >= end && end < size) return out;
      checksum = updateCrc32(checksum, chunk);
    }
  } finally {
    await inflated.cancel().catch(() => {});
  }
  if (position < size)
    throw new CheckpointError(`decompresses to ${position} bytes instead of the ${size} it claims`);
  if (checksum !== crc32) throw new CheckpointError("damaged: wrong checksum");
  return out;
}

let table: Uint32Array | undefined;

/** Updates a CRC-32 with `bytes` (ISO 3309, as in zip and PNG). */
function updateCrc32(before: number, bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    return n;
  });
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++)
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
