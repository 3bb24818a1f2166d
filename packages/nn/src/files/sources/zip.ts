/**
 * Zip archives by range: the directory at once, entries when asked. zip.js reads the directory (with zip64)
 * and inflates; what it stores unpacked, as PyTorch and NumPy do, is read here straight from its place, so
 * that a row of a tensor costs a row.
 */
import { type FileEntry, Reader, ZipReader } from "@zip.js/zip.js/lib/zip-core-native.js";
import { CheckpointError, locate, showName } from "../error.ts";
import type { ByteSource } from "./source.ts";

export interface ZipEntry {
  readonly name: string;
  /** Bytes of its content, unpacked. */
  readonly size: number;
  /**
   * Exactly `length` bytes of the content. Of a packed entry everything before them is unpacked, too, and
   * its checksum is tested when the end is reached; unpacked content is not tested, as a part has no checksum
   * (and PyTorch can write files without any).
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

const STORED = 0;
const DEFLATED = 8;
const LOCAL_HEADER_BYTES = 30;
// Deflate shrinks at most 1032 : 1 (two bits for 258 equal bytes).
const MAX_DEFLATE_RATIO = 1032;
const MAX_INFLATED = 2 ** 31;
// Each takes a few kilobytes of memory and only 46 bytes of the file.
const MAX_ENTRIES = 2 ** 17;

/** The files of the archive by name. @throws CheckpointError where there is no readable directory or a name appears twice */
export async function openZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const reader = new ZipReader(new SourceReader(source), { useWebWorkers: false, checkCrc32: true });
  const entries = new Map<string, ZipEntry>();
  try {
    for await (const entry of reader.getEntriesGenerator()) {
      if (entry.directory) continue;
      if (entry.offset + LOCAL_HEADER_BYTES + entry.compressedSize > source.size)
        throw new CheckpointError(`${showName(entry.filename)} ends beyond the archive`);
      if (entries.has(entry.filename))
        throw new CheckpointError(`the archive has two entries ${showName(entry.filename)}`);
      entries.set(entry.filename, zipEntry(source, entry));
      if (entries.size > MAX_ENTRIES) throw new CheckpointError(`more than ${MAX_ENTRIES} entries`);
    }
    return entries;
  } catch (error) {
    throw locate(`${source.name}: damaged zip archive`, error);
  }
}

class SourceReader extends Reader<ByteSource> {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    super(source);
    this.#source = source;
    this.size = source.size;
  }

  override readUint8Array(index: number, length: number): Promise<Uint8Array> {
    return this.#source.read(index, Math.max(0, Math.min(length, this.size - index)));
  }
}

function zipEntry(source: ByteSource, entry: FileEntry): ZipEntry {
  const { filename: name, uncompressedSize: size, compressedSize, compressionMethod } = entry;
  const where = `${source.name}: ${showName(name)}`;
  let dataStart: Promise<number> | undefined;
  return {
    name,
    size,
    async read(offset, length) {
      try {
        if (entry.encrypted) throw new CheckpointError("encrypted");
        if (offset < 0 || length < 0 || offset + length > size)
          throw new CheckpointError(`needs the bytes ${offset} to ${offset + length}, has ${size}`);
        if (compressionMethod === STORED) {
          if (size !== compressedSize)
            throw new CheckpointError(`claims ${size} bytes, stored as they are in ${compressedSize}`);
          dataStart ??= findData(source, entry.offset);
          return await source.read((await dataStart) + offset, length);
        }
        if (compressionMethod !== DEFLATED)
          throw new CheckpointError(
            `packed with method ${compressionMethod}, only stored and deflate are read`,
          );
        if (size > MAX_DEFLATE_RATIO * compressedSize || size > MAX_INFLATED)
          throw new CheckpointError(`claims to unpack from ${compressedSize} to ${size} bytes`);
        return await inflateRange(entry, offset, length);
      } catch (error) {
        throw locate(where, error);
      }
    },
  };
}

/** Names and extra fields differ in length between the directory and the entry itself: only the latter tells. */
async function findData(source: ByteSource, headerStart: number): Promise<number> {
  const header = new DataView((await source.read(headerStart, LOCAL_HEADER_BYTES)).buffer);
  if (header.getUint32(0, true) !== 0x04034b50)
    throw new CheckpointError("no entry where the directory says");
  return headerStart + LOCAL_HEADER_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
}

/** Unpacks no more than it must, and keeps only the range. */
async function inflateRange(
  entry: FileEntry,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(length);
  const end = offset + length;
  let position = 0;
  const enough = new AbortController();
  const sink = new WritableStream<Uint8Array>({
    write(chunk) {
      const from = Math.max(0, offset - position);
      const piece = chunk.subarray(from, Math.max(from, end - position));
      if (piece.length > 0) out.set(piece, position + from - offset);
      position += chunk.length;
      if (position >= end && end < entry.uncompressedSize) enough.abort();
    },
  });
  try {
    await entry.getData(sink, { signal: enough.signal });
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  return out;
}
