/**
 * Windows and OS/2 bitmaps: 1, 2, 4, 8, 16, 24 and 32 bits per pixel, palettes, bit fields, RLE4 and RLE8, bottom-up
 * and top-down. Pixels equal PIL's; a channel of fewer than 8 bits becomes `floor(255 value / largest)`.
 *
 * Source: "Bitmap Storage" in Microsoft's Windows GDI documentation ([MS-WMF] 2.2.2).
 */
import { Image, type Size } from "../image.ts";

const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;
const ALPHABITFIELDS = 6;

export interface BmpHeader {
  readonly size: Size;
  /** Description of an unsupported variant. */
  readonly unread?: string;
  /** Minimum length of a complete file. */
  readonly end: number;
}

interface Layout {
  readonly size: Size;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Offset of the pixels. */
  readonly start: number;
  /** Bytes per row, uncompressed. */
  readonly stride: number;
  /** Number of pixel bytes according to the header, 0 if unspecified. */
  readonly imageBytes: number;
  /** Red, green, blue, alpha; 0 if absent. */
  readonly masks: readonly number[];
  readonly palette: Uint8Array;
}

/** @throws RangeError if the header is incomplete */
export function readBmpHeader(view: DataView): BmpHeader {
  const { size, bits, compression, start, stride, imageBytes } = readLayout(view);
  const compressed = compression === RLE8 || compression === RLE4;
  const unread = unreadVariety(bits, compression);
  const end = start + (compressed || unread ? imageBytes : stride * size.height);
  return { size, end, ...(unread && { unread }) };
}

function unreadVariety(bits: number, compression: number): string | undefined {
  const fits: Readonly<Record<number, readonly number[]>> = {
    [RGB]: [1, 2, 4, 8, 16, 24, 32],
    [RLE8]: [8],
    [RLE4]: [4],
    [BITFIELDS]: [16, 32],
    [ALPHABITFIELDS]: [16, 32],
  };
  if (fits[compression]?.includes(bits)) return undefined;
  return `BMP with ${bits} bits per pixel and compression ${compression}`;
}

function readLayout(view: DataView): Layout {
  const uint16 = (at: number) => view.getUint16(at, true);
  const uint32 = (at: number) => view.getUint32(at, true);
  const headerBytes = uint32(14);
  const old = headerBytes === 12;
  const width = old ? uint16(18) : Math.abs(view.getInt32(18, true));
  const signedHeight = old ? uint16(20) : view.getInt32(22, true);
  const bits = old ? uint16(24) : uint16(28);
  const full = headerBytes >= 40;
  const compression = full ? uint32(30) : RGB;
  const colours = Math.min((full ? uint32(46) : 0) || 2 ** bits, 2 ** bits);
  const start = uint32(10);
  // The masks follow the shortest header; longer ones include them.
  const masked = compression === BITFIELDS || compression === ALPHABITFIELDS;
  const hasAlpha = compression === ALPHABITFIELDS || headerBytes >= 56;
  const masks = masked
    ? [uint32(54), uint32(58), uint32(62), hasAlpha ? uint32(66) : 0]
    : bits === 16
      ? [0x7c00, 0x3e0, 0x1f, 0]
      : [0xff0000, 0xff00, 0xff, 0];
  const afterHeader = 14 + headerBytes + (masked && headerBytes === 40 ? (hasAlpha ? 16 : 12) : 0);
  return {
    size: { width, height: Math.abs(signedHeight) },
    topDown: signedHeight < 0,
    bits,
    compression,
    start,
    stride: Math.ceil((width * bits) / 32) * 4,
    imageBytes: full ? uint32(34) : 0,
    masks,
    palette: bits > 8 ? new Uint8Array(0) : readPalette(view, [afterHeader, start], old ? 3 : 4, colours),
  };
}

/** RGB of all 256 possible indices; those without an entry are black. */
function readPalette(
  view: DataView,
  [from, to]: readonly [number, number],
  entryBytes: number,
  colours: number,
): Uint8Array {
  const palette = new Uint8Array(3 * 256);
  const room = Math.floor((Math.min(to, view.byteLength) - from) / entryBytes);
  for (let i = 0; i < Math.min(colours, room); i++)
    for (let c = 0; c < 3; c++) palette[3 * i + c] = view.getUint8(from + i * entryBytes + 2 - c);
  return palette;
}

/** Decodes to RGB, or to RGBA if the file has an alpha mask. Missing pixels are black. */
export function decodeBmp(bytes: Uint8Array): Image {
  const layout = readLayout(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
  const { bits, compression, start } = layout;
  if (compression === RLE8 || compression === RLE4)
    return paint(layout, unpackRuns(bytes.subarray(start), layout), layout.size.width);
  const rows = bytes.subarray(start);
  return bits <= 8 ? paint(layout, unpackIndices(rows, layout), layout.size.width) : unmask(rows, layout);
}

/** Maps indices to colours, with rows in file order. */
function paint({ size, topDown, palette }: Layout, indices: Uint8Array, stride: number): Image {
  const image = new Image(size.width, size.height, 3);
  for (let row = 0; row < size.height; row++) {
    const y = topDown ? row : size.height - 1 - row;
    for (let x = 0, to = y * size.width * 3; x < size.width; x++, to += 3) {
      if (row * stride + x >= indices.length) return image;
      const from = 3 * indices[row * stride + x]!;
      for (let c = 0; c < 3; c++) image.data[to + c] = palette[from + c]!;
    }
  }
  return image;
}

/** Unpacks to one index per byte; stops at the last complete row. */
function unpackIndices(bytes: Uint8Array, { size: { width, height }, bits, stride }: Layout): Uint8Array {
  const rows = Math.min(height, Math.floor(bytes.length / stride));
  const out = new Uint8Array(rows * width);
  const mask = 2 ** bits - 1;
  for (let row = 0, to = 0; row < rows; row++)
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      out[to++] = (bytes[row * stride + (bit >> 3)]! >> (8 - bits - (bit & 7))) & mask;
    }
  return out;
}

/** Decodes runs: (count, value), or 0 and an escape: 0 end of row, 1 end of image, 2 delta, else a literal count. */
function unpackRuns(
  bytes: Uint8Array,
  { size: { width, height }, compression }: Layout,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(width * height);
  const four = compression === RLE4;
  let [x, y] = [0, 0];
  const put = (value: number) => {
    if (x < width && y < height) out[y * width + x] = value;
    x++;
  };
  const nibble = (byte: number, i: number) => (four ? (i % 2 === 0 ? byte >> 4 : byte & 15) : byte);
  for (let at = 0; at + 1 < bytes.length && y < height; ) {
    const [count, value] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0) for (let i = 0; i < count; i++) put(nibble(value, i));
    else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) break;
    else if (value === 2) {
      x += bytes[at] ?? 0;
      y += bytes[at + 1] ?? 0;
      at += 2;
    } else {
      for (let i = 0; i < value; i++) put(nibble(bytes[at + (four ? i >> 1 : i)] ?? 0, i));
      // Padded to 16 bits.
      at += Math.ceil((four ? Math.ceil(value / 2) : value) / 2) * 2;
    }
  }
  return out;
}

/** Decodes 16, 24 and 32 bits: each channel has a mask. */
function unmask(bytes: Uint8Array, { size: { width, height }, topDown, bits, stride, masks }: Layout): Image {
  const channels = masks[3] ? 4 : 3;
  const fields = masks.slice(0, channels).map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { shift, most: mask >>> shift };
  });
  const image = new Image(width, height, channels);
  const pixelBytes = bits / 8;
  const rows = Math.min(height, Math.floor(bytes.length / stride));
  for (let row = 0; row < rows; row++) {
    let to = (topDown ? row : height - 1 - row) * width * channels;
    for (let x = 0, from = row * stride; x < width; x++, from += pixelBytes) {
      let pixel = 0;
      for (let b = pixelBytes - 1; b >= 0; b--) pixel = (pixel << 8) | bytes[from + b]!;
      for (const { shift, most } of fields) {
        const value = (pixel >>> shift) & most;
        image.data[to++] = most === 0 ? 0 : most === 255 ? value : Math.floor((value * 255) / most);
      }
    }
  }
  return image;
}
