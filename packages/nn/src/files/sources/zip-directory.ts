/**
 * The directory of a zip archive, with and without zip64: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16,
 * 4.4 and 4.5.3.
 *
 * An archive is read from its end, where no marker is unambiguous: comments may contain any bytes, there may be
 * records between the directory and the end, and bytes prepended to the archive shift the directory from its stated
 * offset. So every possible interpretation is tried; the first whose directory has exactly the entries and bytes
 * stated by the end record wins.
 */
import { CheckpointError } from "../error.ts";
import { type ByteSource, checkRange } from "./source.ts";

export interface DirectoryEntry {
  /** Folders end with a slash. */
  readonly name: string;
  /** Uncompressed and stored number of bytes. */
  readonly size: number;
  readonly compressedSize: number;
  readonly crc32: number;
  /** 0: stored; 8: deflated. */
  readonly method: number;
  readonly encrypted: boolean;
  /** Offset of the local header. */
  readonly offset: number;
}

const END = { signature: 0x06054b50, bytes: 22 };
const ZIP64_LOCATOR = { signature: 0x07064b50, bytes: 20 };
const ZIP64_END = { signature: 0x06064b50, bytes: 56 };
const ENTRY = { signature: 0x02014b50, bytes: 46 };
const ZIP64_FIELD = 1;
const MAX_U16 = 0xffff;
const MAX_U32 = 0xffff_ffff;
// An entry takes a few hundred bytes of memory, but only 46 bytes of the file.
const MAX_ENTRIES = 2 ** 17;
const MAX_DIRECTORY = 2 ** 28;
// Limits the work for a comment full of end records.
const MAX_READINGS = 64;

type Bytes = Uint8Array<ArrayBuffer>;

/** Reads the entries in directory order. @throws CheckpointError if no directory can be read */
export async function readDirectory(source: ByteSource): Promise<DirectoryEntry[]> {
  const tailStart = Math.max(0, source.size - END.bytes - MAX_U16);
  const tail = await source.read(tailStart, source.size - tailStart);
  const read = async (offset: number, length: number): Promise<Bytes> => {
    if (offset < tailStart) return await source.read(offset, length);
    checkRange(source, offset, length);
    return tail.subarray(offset - tailStart, offset - tailStart + length);
  };
  let empty: DirectoryEntry[] | undefined;
  let failure: unknown;
  for (const at of endRecords(tail)) {
    try {
      for (const place of await places(read, tailStart + at, viewOf(tail.subarray(at)))) {
        const entries = await readEntries(read, place).catch((error: unknown) => {
          failure ??= error;
        });
        if (entries?.length) return entries;
        // It may be an empty archive in the comment of a non-empty one.
        if (entries) empty ??= entries;
      }
    } catch (error) {
      failure ??= error;
    }
  }
  if (empty !== undefined) return empty;
  throw failure ?? new CheckpointError("no directory at the end; the file may be truncated");
}

/** Candidate offsets of end records, last first; those whose comment ends the file come before all others. */
function endRecords(tail: Bytes): number[] {
  const view = viewOf(tail);
  const exact: number[] = [];
  const followed: number[] = [];
  for (let at = tail.length - END.bytes; at >= 0; at--) {
    if (tail[at] !== 0x50 || view.getUint32(at, true) !== END.signature) continue;
    const end = at + END.bytes + view.getUint16(at + 20, true);
    if (end === tail.length) exact.push(at);
    else if (end < tail.length) followed.push(at);
  }
  return [...exact, ...followed].slice(0, MAX_READINGS);
}

/** A candidate position of the directory, and its stated contents. */
interface Place {
  readonly start: number;
  readonly size: number;
  readonly count: number;
  /** Number of bytes before the archive, to be added to its offsets. */
  readonly shift: number;
}

type ReadAt = (offset: number, length: number) => Promise<Bytes>;

/** The positions that the end record at `at` may refer to. */
async function places(read: ReadAt, at: number, end: DataView<ArrayBuffer>): Promise<Place[]> {
  const part = end.getUint16(4, true);
  if (part > 0 && part < MAX_U16)
    throw new CheckpointError(`part ${part + 1} of a multi-part archive: join the parts first`);
  const zip64 = await zip64End(read, at);
  const found: Place[] = zip64 === undefined ? [] : around(zip64.view, zip64.at, ZIP64);
  // The plain record is valid too, unless it defers to the zip64 record.
  found.push(...around(end, zip64?.at ?? at, PLAIN), ...around(end, at, PLAIN));
  return found;
}

interface EndLayout {
  readonly count: (view: DataView) => number;
  readonly size: (view: DataView) => number;
  readonly offset: (view: DataView) => number;
}
const PLAIN: EndLayout = {
  count: (view) => view.getUint16(10, true),
  size: (view) => view.getUint32(12, true),
  offset: (view) => view.getUint32(16, true),
};
const ZIP64: EndLayout = {
  count: (view) => uint64(view, 32),
  size: (view) => uint64(view, 40),
  offset: (view) => uint64(view, 48),
};

/** Directly before `end`, as usual, or at the stated offset. */
function around(view: DataView, end: number, layout: EndLayout): Place[] {
  const [count, size, offset] = [layout.count(view), layout.size(view), layout.offset(view)];
  const before = { start: end - size, size, count, shift: end - size - offset };
  const stated = { start: offset, size, count, shift: 0 };
  return [before, stated].filter(({ start, shift }) => start >= 0 && shift >= 0 && start + size <= end);
}

/** The zip64 record, if a locator directly before the end record points to one. */
async function zip64End(
  read: ReadAt,
  end: number,
): Promise<{ at: number; view: DataView<ArrayBuffer> } | undefined> {
  const locatorAt = end - ZIP64_LOCATOR.bytes;
  if (locatorAt < ZIP64_END.bytes) return undefined;
  const locator = viewOf(await read(locatorAt, ZIP64_LOCATOR.bytes));
  if (locator.getUint32(0, true) !== ZIP64_LOCATOR.signature) return undefined;
  // With bytes prepended to the archive, the record is not at its stated offset.
  for (const at of [uint64(locator, 8), locatorAt - ZIP64_END.bytes]) {
    if (at + ZIP64_END.bytes > locatorAt) continue;
    const view = viewOf(await read(at, ZIP64_END.bytes));
    if (view.getUint32(0, true) === ZIP64_END.signature) return { at, view };
  }
  return undefined;
}

async function readEntries(read: ReadAt, { start, size, count, shift }: Place): Promise<DirectoryEntry[]> {
  if (count > MAX_ENTRIES) throw new CheckpointError(`more than ${MAX_ENTRIES} entries`);
  if (size > MAX_DIRECTORY) throw new CheckpointError(`a directory of ${size} bytes`);
  const bytes = await read(start, size);
  const view = viewOf(bytes);
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < size; ) {
    const { entry, end } = readEntry(bytes, view, at, shift);
    entries.push(entry);
    at = end;
    if (entries.length > MAX_ENTRIES) throw new CheckpointError(`more than ${MAX_ENTRIES} entries`);
  }
  // Some writers let the count wrap around at 65536.
  if ((entries.length - count) % (MAX_U16 + 1) !== 0)
    throw new CheckpointError(`entries in the directory: expected ${count}, got ${entries.length}`);
  return entries;
}

function readEntry(
  bytes: Bytes,
  view: DataView,
  at: number,
  shift: number,
): { entry: DirectoryEntry; end: number } {
  const left = bytes.length - at;
  if (left < ENTRY.bytes || view.getUint32(at, true) !== ENTRY.signature)
    throw new CheckpointError(`no entry at byte ${at} of the directory`);
  const lengths = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [number, number, number];
  const end = lengths.reduce((sum, length) => sum + length, at + ENTRY.bytes);
  if (end > bytes.length) throw new CheckpointError(`the entry at byte ${at} of the directory is cut off`);
  const nameEnd = at + ENTRY.bytes + lengths[0];
  const flags = view.getUint16(at + 8, true);
  const { size, compressedSize, offset } = widened(
    {
      size: view.getUint32(at + 24, true),
      compressedSize: view.getUint32(at + 20, true),
      offset: view.getUint32(at + 42, true),
    },
    bytes.subarray(nameEnd, nameEnd + lengths[1]),
  );
  const entry = {
    name: decodeName(bytes.subarray(at + ENTRY.bytes, nameEnd)),
    size,
    compressedSize,
    crc32: view.getUint32(at + 16, true),
    method: view.getUint16(at + 10, true),
    encrypted: (flags & 1) !== 0,
    offset: offset + shift,
  };
  return { entry, end };
}

interface Extent {
  size: number;
  compressedSize: number;
  offset: number;
}

/** Replaces the numbers that do not fit in 32 bits with those in the zip64 extra field, in this order. */
function widened(extent: Extent, extra: Bytes): Extent {
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== ZIP64_FIELD) continue;
    const end = Math.min(extra.length, at + 4 + view.getUint16(at + 2, true));
    let next = at + 4;
    const wide = { ...extent };
    for (const key of ["size", "compressedSize", "offset"] as const) {
      if (extent[key] !== MAX_U32) continue;
      if (next + 8 > end) throw new CheckpointError("a zip64 field that is too short");
      wide[key] = uint64(view, next);
      next += 8;
    }
    return wide;
  }
  return extent;
}

function uint64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function viewOf(bytes: Bytes): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Decodes a name as UTF-8, flagged or not; else as code page 437, the original encoding of zip. */
function decodeName(bytes: Bytes): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => (byte < 128 ? String.fromCharCode(byte) : CP437[byte - 128])).join("");
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const CP437 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";
