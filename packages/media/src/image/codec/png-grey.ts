/** Greyscale PNG at full depth, where the platform's own codec has 8 bits. */
import { MediaError } from "../../error.ts";
import { type DecodeOptions, type DeepPixels, damaged } from "./codec.ts";
import { chunk, IDAT, IEND, joined } from "./mend.ts";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const IHDR = 0x49484452;
const GREY = 0;
/** Filters of rows (PNG, section 9.2). */
const [NONE, SUB, UP, AVERAGE, PAETH] = [0, 1, 2, 3, 4];

/** Values of 16 bits, [H, W]. */
export async function encodeGrey16(width: number, height: number, values: Uint16Array): Promise<Uint8Array> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([16, GREY, 0, 0, 0], 8);
  const row = 1 + 2 * width;
  const raw = new Uint8Array(row * height);
  for (let y = 0, i = 0; y < height; y++) {
    let at = y * row;
    raw[at++] = SUB;
    let before = 0;
    for (let x = 0; x < width; x++, i++) {
      const value = values[i]!;
      // Bytes are filtered one by one, without carry.
      raw[at++] = (value >> 8) - (before >> 8);
      raw[at++] = value - before;
      before = value;
    }
  }
  const packed = await piped(raw, new CompressionStream("deflate"));
  return await joined([SIGNATURE, chunk(IHDR, header), chunk(IDAT, packed), chunk(IEND, new Uint8Array(0))]);
}

/**
 * A greyscale PNG of 8 or 16 bits without interlacing, one float per pixel.
 *
 * @throws MediaError `unsupported` for other PNGs; `damaged`
 */
export async function decodeGrey(bytes: Uint8Array, { name }: DecodeOptions): Promise<DeepPixels> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [width, height, bits] = [view.getUint32(16), view.getUint32(20), view.getUint8(24)];
  if (view.getUint8(25) !== GREY || (bits !== 8 && bits !== 16) || view.getUint8(28) !== 0)
    throw new MediaError(
      "unsupported",
      `${name}: browsers read depth maps from greyscale PNGs of 8 or 16 bits without interlacing`,
    );
  const packed: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === IDAT) packed.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const raw = await piped(await joined(packed), new DecompressionStream("deflate")).catch(
    (error: unknown) => {
      throw damaged(name, "its pixels cannot be inflated", error);
    },
  );
  const size = bits / 8;
  const row = width * size;
  if (raw.length < height * (1 + row)) throw damaged(name, "rows are missing");
  const data = new Float32Array(width * height);
  let above: Uint8Array = new Uint8Array(row);
  for (let y = 0; y < height; y++) {
    const start = y * (1 + row);
    const now = raw.subarray(start + 1, start + 1 + row);
    if (!unfilter(raw[start]!, now, above, size))
      throw damaged(name, `row ${y} has the filter ${raw[start]}`);
    for (let x = 0; x < width; x++)
      data[y * width + x] = size === 1 ? now[x]! : 256 * now[2 * x]! + now[2 * x + 1]!;
    above = now;
  }
  return { width, height, data };
}

/** Undoes a row's filter in place; false if there is no such filter. @param size bytes of a pixel */
function unfilter(filter: number, now: Uint8Array, above: Uint8Array, size: number): boolean {
  if (filter === NONE) return true;
  if (filter > PAETH!) return false;
  for (let i = 0; i < now.length; i++) {
    const [left, corner] = i < size ? [0, 0] : [now[i - size]!, above[i - size]!];
    const up = above[i]!;
    if (filter === SUB) now[i]! += left;
    else if (filter === UP) now[i]! += up;
    else if (filter === AVERAGE) now[i]! += (left + up) >> 1;
    else now[i]! += paeth(left, up, corner);
  }
  return true;
}

/** The neighbour that is nearest to left + up − corner. */
function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

async function piped(
  bytes: Uint8Array,
  through: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(through);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
