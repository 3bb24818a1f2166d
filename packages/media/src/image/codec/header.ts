/** Reading image headers: the size of the image, and whether the file is complete. */
import type { Size } from "../image.ts";
import { readBmpHeader } from "./bmp.ts";
import { type Format, latin1 } from "./format.ts";

export interface Header {
  /** As stored, before applying the EXIF orientation; absent if the file ends before it or it cannot be determined. */
  readonly size?: Size;
  /** Whether the file ends before the image is complete. `perhaps`: only decoding can tell. */
  readonly cut: boolean | "perhaps";
  /** Description of an unsupported variant, such as `JPEG with 12 bits`. */
  readonly unread?: string;
  /** Whether it is a greyscale AVIF in studio range: 16 is black, 235 white. */
  readonly studioGrey?: boolean;
}

type Draft = { -readonly [K in keyof Header]: Header[K] };
type Parse = (view: DataView<ArrayBufferLike>, draft: Draft) => void;

/** Reads the header of a file whose signature has been checked. */
export function readHeader(bytes: Uint8Array, format: Format): Header {
  const draft: Draft = { cut: false };
  try {
    PARSERS[format](new DataView(bytes.buffer, bytes.byteOffset, bytes.length), draft);
  } catch (error) {
    // A DataView throws beyond its end, that is, if the file ends too early.
    if (!(error instanceof RangeError)) throw error;
    draft.cut = true;
  }
  return draft;
}

const PARSERS: Readonly<Record<Format, Parse>> = {
  JPEG: jpeg,
  PNG: png,
  WebP: webp,
  GIF: gif,
  TIFF: tiff,
  AVIF: avif,
  BMP: (view, draft) => {
    const { end, ...header } = readBmpHeader(view);
    Object.assign(draft, header, { cut: end > view.byteLength });
  },
};

/** ITU-T T.81, annex B: segments up to the first scan, and an end-of-image marker somewhere after it. */
function jpeg(view: DataView, draft: Draft): void {
  for (let at = 2; ; ) {
    const marker = view.getUint16(at);
    // Leave stray bytes between segments to the decoder.
    if (marker >> 8 !== 0xff || marker === 0xffd9) return;
    if (marker === 0xffff) at += 1;
    else if (marker === 0xff01 || (marker >= 0xffd0 && marker <= 0xffd8)) at += 2;
    else if (marker === 0xffda) {
      draft.cut = !hasEnd(view, at + 2 + view.getUint16(at + 2));
      return;
    } else {
      if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) {
        const bits = view.getUint8(at + 4);
        draft.size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
        // Huffman or arithmetic coding, sequential or progressive.
        if (![0xffc0, 0xffc1, 0xffc2, 0xffc9, 0xffca].includes(marker))
          draft.unread = "lossless or hierarchical JPEG";
        else if (bits !== 8) draft.unread = `JPEG with ${bits} bits`;
      }
      at += 2 + view.getUint16(at + 2);
    }
  }
}

/** Entropy-coded data never contains this marker: each 0xff is followed by 0. */
function hasEnd(view: DataView, start: number): boolean {
  for (let at = view.byteLength - 2; at >= start; at--)
    if (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xd9) return true;
  return false;
}

/** PNG, third edition, section 5: chunks of length, type, data and checksum. */
function png(view: DataView, draft: Draft): void {
  draft.size = { width: view.getUint32(16), height: view.getUint32(20) };
  let hasData = false;
  for (let at = 8; at < view.byteLength; ) {
    const [length, type] = [view.getUint32(at), typeAt(view, at + 4)];
    if (type === "IEND") return;
    if (type === "IDAT") hasData = true;
    at += 12 + length;
    if (at > view.byteLength && (type === "IDAT" || !hasData)) draft.cut = true;
  }
  draft.cut ||= hasData ? "perhaps" : true;
}

/** GIF89a, section 20 onwards: the data of the first image is a chain of blocks, terminated by one of length 0. */
function gif(view: DataView, draft: Draft): void {
  draft.size = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  const colours = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const skipBlocks = (at: number): number => {
    for (;;) {
      const length = view.getUint8(at);
      at += 1 + length;
      if (length === 0) return at;
    }
  };
  for (let at = 13 + colours(view.getUint8(10)); ; ) {
    const kind = view.getUint8(at);
    if (kind === 0x2c) skipBlocks(at + 11 + colours(view.getUint8(at + 9)));
    if (kind !== 0x21) return;
    at = skipBlocks(at + 2);
  }
}

/** WebP container specification; VP8: RFC 6386, section 9.1; VP8L: its specification, section 3. */
function webp(view: DataView, draft: Draft): void {
  draft.cut = view.getUint32(4, true) + 8 > view.byteLength;
  const uint24 = (at: number) => view.getUint16(at, true) + view.getUint8(at + 2) * 2 ** 16;
  const type = typeAt(view, 12);
  if (type === "VP8X") draft.size = { width: uint24(24) + 1, height: uint24(27) + 1 };
  else if (type === "VP8 ")
    draft.size = { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  else if (type === "VP8L") {
    const bits = view.getUint32(21, true);
    draft.size = { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
  }
}

/** TIFF 6.0, section 2, and BigTIFF: the first directory, and the strips or tiles it refers to. */
function tiff(view: DataView, draft: Draft): void {
  const { tags, end } = readTiffTags(view);
  const one = (tag: number) => tags.get(tag)?.[0];
  const [width, height] = [one(256), one(257)];
  if (width !== undefined && height !== undefined) draft.size = { width, height };
  const reduced = one(254) === 1 && tags.has(271);
  // Colour filter array, linear raw; camera files often start with a small preview instead of the image.
  if (tags.has(50706) || reduced || [32803, 34892].includes(one(262) ?? 0))
    draft.unread = "a camera raw file (DNG, NEF, ARW or similar)";
  draft.cut = tiffEnd(tags) > view.byteLength || (end > view.byteLength && "perhaps");
}

type TiffTags = ReadonlyMap<number, readonly number[]>;

/** Minimum length of a file that contains all strips or tiles. */
function tiffEnd(tags: TiffTags): number {
  const offsets = tags.get(324) ?? tags.get(273) ?? [];
  const lengths = tags.get(325) ?? tags.get(279) ?? [];
  return offsets.reduce((end, offset, i) => Math.max(end, offset + (lengths[i] ?? 0)), 0);
}

/** Offset of the end of the last strip, possibly beyond the end of the file; undefined without a directory. */
export function endOfTiff(bytes: Uint8Array): number | undefined {
  try {
    return tiffEnd(readTiffTags(new DataView(bytes.buffer, bytes.byteOffset, bytes.length)).tags);
  } catch {
    return undefined;
  }
}

const WANTED = [254, 256, 257, 262, 271, 273, 279, 324, 325, 50706];

/** The relevant tags, and the offset where the values of all tags end. */
function readTiffTags(view: DataView): { tags: TiffTags; end: number } {
  const little = view.getUint8(0) === 0x49;
  const big = view.getUint16(2, little) === 43;
  const uint64 = (at: number) => Number(view.getBigUint64(at, little));
  const uint32 = (at: number) => view.getUint32(at, little);
  const uint16 = (at: number) => view.getUint16(at, little);
  const word = big ? uint64 : uint32;
  const [wordBytes, entryBytes] = big ? [8, 20] : [4, 12];
  const directory = big ? word(8) : word(4);
  const count = big ? uint64(directory) : uint16(directory);
  const readers: Readonly<Record<number, readonly [bytes: number, read: (at: number) => number]>> = {
    1: [1, (at) => view.getUint8(at)],
    3: [2, uint16],
    4: [4, uint32],
    16: [8, uint64],
  };
  const tags = new Map<number, number[]>();
  let end = 0;
  for (let i = 0, at = directory + (big ? 8 : 2); i < count; i++, at += entryBytes) {
    const [tag, type, length] = [uint16(at), uint16(at + 2), word(at + 4)];
    const [bytes = 1, read] = readers[type] ?? [];
    const field = at + 4 + wordBytes;
    const start = bytes * length <= wordBytes ? field : word(field);
    end = Math.max(end, start + bytes * length);
    // Use only the first of repeated tags: many of them, each as long as the file, would take forever to read.
    if (!WANTED.includes(tag) || tags.has(tag)) continue;
    const values: number[] = [];
    tags.set(tag, values);
    for (let k = 0; read && k < length; k++) values.push(read(start + k * bytes));
  }
  // The offset of the next directory; decoders fail without it.
  word(directory + (big ? 8 : 2) + count * entryBytes);
  return { tags, end };
}

/**
 * ISO/IEC 14496-12: boxes. The largest `ispe` (ISO/IEC 23008-12, 6.5.3) is that of the whole image, others are tiles;
 * `av1C` (AV1 in ISOBMFF, 2.3.3) tells whether a part is greyscale, and `colr` (14496-12, 12.1.5) gives the range.
 */
function avif(view: DataView, draft: Draft): void {
  let grey: boolean | undefined;
  let studio = false;
  const walk = (from: number, to: number, path: readonly string[]) => {
    for (let at = from; at + 8 <= to; ) {
      const [short, type] = [view.getUint32(at), typeAt(view, at + 4)];
      const head = short === 1 ? 16 : 8;
      const length = short === 1 ? Number(view.getBigUint64(at + 8)) : short === 0 ? to - at : short;
      if (length < head) return;
      if (at + length > view.byteLength) draft.cut = true;
      const end = Math.min(to, at + length);
      if (type === path[0]) walk(at + head + (type === "meta" ? 4 : 0), end, path.slice(1));
      if (type === "ispe" && path.length === 0) {
        const size = { width: view.getUint32(at + head + 4), height: view.getUint32(at + head + 8) };
        if (size.width * size.height > (draft.size?.width ?? 0) * (draft.size?.height ?? 0))
          draft.size = size;
      }
      if (type === "av1C" && path.length === 0)
        grey = grey !== false && (view.getUint8(at + head + 2) & 0x10) !== 0;
      if (type === "colr" && path.length === 0 && typeAt(view, at + head) === "nclx")
        studio ||= view.getUint8(at + head + 10) >> 7 === 0;
      at += length;
    }
  };
  walk(0, view.byteLength, ["meta", "iprp", "ipco"]);
  draft.studioGrey = grey === true && studio;
}

function typeAt(view: DataView, at: number): string {
  // Reading beyond the end throws, like reading any other number.
  view.getUint32(at);
  return latin1(new Uint8Array(view.buffer, view.byteOffset + at, 4), 0, 4);
}
