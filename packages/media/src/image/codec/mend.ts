/** Repairing files that were cut short so that they can be decoded: missing pixels are black, or grey in a JPEG. */
import type { Format } from "./format.ts";
import { endOfTiff } from "./header.ts";

/** Inflates up to `most` bytes of a zlib stream that may be truncated. */
export type InflateStart = (deflated: Uint8Array, most: number) => Promise<Uint8Array>;

/**
 * Completes a file; undefined if nothing of it can be read. The image equals PIL's with `LOAD_TRUNCATED_IMAGES`,
 * except that it uses the available scans of a progressive JPEG, where PIL may return black, and the available pixels
 * of the last row of a TIFF.
 */
export async function mend(
  bytes: Uint8Array,
  format: Format,
  inflateStart: InflateStart,
): Promise<Uint8Array | undefined> {
  switch (format) {
    case "JPEG":
      return mendJpeg(bytes);
    case "PNG":
      return await mendPng(bytes, inflateStart);
    case "GIF":
      return mendGif(bytes);
    case "TIFF":
      return mendTiff(bytes);
    case "BMP":
      return bytes;
    case "WebP":
    case "AVIF":
      return undefined;
  }
}

/** Adds an end-of-image marker after the last complete segment. */
function mendJpeg(bytes: Uint8Array): Uint8Array | undefined {
  let scans = 0;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    const next = at + 2 + (bytes[at + 2]! << 8) + bytes[at + 3]!;
    if (next > bytes.length) break;
    at = next;
    if (marker !== 0xda) continue;
    scans++;
    // Coded data: 0xff is followed by 0, or by a restart marker.
    while (at < bytes.length && !isMarker(bytes, at)) at++;
  }
  if (scans === 0) return undefined;
  return withEnd(bytes, at, [0xff, 0xd9]);
}

function withEnd(bytes: Uint8Array, length: number, end: readonly number[]): Uint8Array {
  const out = new Uint8Array(length + end.length);
  out.set(bytes.subarray(0, length));
  out.set(end, length);
  return out;
}

function isMarker(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 0xff) return false;
  const next = bytes[at + 1];
  return next === undefined || !(next === 0 || (next >= 0xd0 && next <= 0xd7));
}

/** Terminates the data of the first image, and the file, after the last complete block. */
function mendGif(bytes: Uint8Array): Uint8Array | undefined {
  const colours = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + colours(bytes[10] ?? 0);
  while (at < bytes.length) {
    const inPicture = bytes[at] === 0x2c;
    at += inPicture ? 11 + colours(bytes[at + 9] ?? 0) : 2;
    while (at < bytes.length && bytes[at] !== 0) {
      const next = at + 1 + bytes[at]!;
      if (next > bytes.length) return inPicture ? withEnd(bytes, at, [0, 0x3b]) : undefined;
      at = next;
    }
    if (inPicture) return withEnd(bytes, at, [0, 0x3b]);
    at++;
  }
  return undefined;
}

/** Memory limit, because a file may claim strips at any offset. */
const MOST_MENDED = 2 ** 30;

/** Pads with zeros to the end of the last strip. */
function mendTiff(bytes: Uint8Array): Uint8Array | undefined {
  const end = endOfTiff(bytes);
  if (end === undefined || end > MOST_MENDED) return undefined;
  const out = new Uint8Array(Math.max(bytes.length, end));
  out.set(bytes);
  return out;
}

/** Adds the last chunk to a PNG that lacks only that, because some decoders need it. */
export async function withLastChunk(bytes: Uint8Array): Promise<Uint8Array> {
  return await joined([bytes, chunk(IEND, new Uint8Array(0))]);
}

/** Recompresses the complete rows that can be inflated, followed by zeros. */
async function mendPng(bytes: Uint8Array, inflateStart: InflateStart): Promise<Uint8Array | undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const before: Uint8Array[] = [];
  const packed: Uint8Array[] = [];
  for (let at = 8; at + 8 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    if (view.getUint32(at + 4) === IDAT) packed.push(bytes.subarray(at + 8, end - 4));
    else if (packed.length > 0) break;
    else if (end > bytes.length) return undefined;
    else before.push(bytes.subarray(at, end));
    at = end;
  }
  if (packed.length === 0) return undefined;
  const { length, row } = rawSize(view);
  const known = await inflateStart(await joined(packed), length);
  if (known.length < (row ?? 1)) return undefined;
  const raw = new Uint8Array(length);
  raw.set(known.subarray(0, row ? Math.floor(known.length / row) * row : known.length));
  const compressed = new Blob([raw]).stream().pipeThrough(new CompressionStream("deflate"));
  const data = new Uint8Array(await new Response(compressed).arrayBuffer());
  return await joined([bytes.subarray(0, 8), ...before, chunk(IDAT, data), chunk(IEND, new Uint8Array(0))]);
}

export const IDAT = 0x49444154;
export const IEND = 0x49454e44;
/** The passes of Adam7: first column and row, and the steps. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Size of all rows including filter bytes, and of a single row if all have the same length. */
function rawSize(view: DataView): { length: number; row?: number } {
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const bits = view.getUint8(24) * (SAMPLES[view.getUint8(25)] ?? 1);
  const row = (pixels: number) => (pixels > 0 ? 1 + Math.ceil((pixels * bits) / 8) : 0);
  if (view.getUint8(28) === 0) return { length: height * row(width), row: row(width) };
  const length = PASSES.reduce(
    (sum, [x, y, stepX, stepY]) =>
      sum + Math.ceil((height - y) / stepY) * row(Math.ceil((width - x) / stepX)),
    0,
  );
  return { length };
}

/** PNG, section 5.3: length, type, data, and a checksum of type and data. */
export function chunk(type: number, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  view.setUint32(4, type);
  out.set(data, 8);
  let crc = 0xffffffff;
  for (const byte of out.subarray(4, -4)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  view.setUint32(8 + data.length, ~crc);
  return out;
}

export async function joined(parts: readonly Uint8Array[]): Promise<Uint8Array> {
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
