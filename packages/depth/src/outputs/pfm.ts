/** Portable float maps, as MiDaS and Middlebury write them: 32-bit values, the last row first. */
import { Planes } from "@tessera-ml/media";

/** @param map [1, H, W] */
export function encodePfm({ width, height, data }: Planes): Uint8Array<ArrayBuffer> {
  // A negative scale means little-endian.
  const header = new TextEncoder().encode(`Pf\n${width} ${height}\n-1.0\n`);
  const bytes = new Uint8Array(header.length + 4 * data.length);
  bytes.set(header);
  const view = new DataView(bytes.buffer, header.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      view.setFloat32(4 * ((height - 1 - y) * width + x), data[y * width + x]!, true);
  return bytes;
}

/**
 * Reads one channel, [1, H, W], of either byte order.
 *
 * @param name of the file, for errors
 * @throws Error if the file is cut short, or something else
 */
export function decodePfm(bytes: Uint8Array, name: string): Planes {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 200));
  const [header = "", kind, ...numbers] = /^(P[fF])\s+(\d+)\s+(\d+)\s+([-+.\deE]+)\s/.exec(start) ?? [];
  const [width = 0, height = 0, scale = 0] = numbers.map(Number);
  if (kind === undefined || scale === 0) throw new Error(`${name}: expected a portable float map`);
  if (kind !== "Pf") throw new Error(`${name}: expected one channel (Pf), got a colour map (${kind})`);
  if (bytes.length - header.length < 4 * width * height)
    throw new Error(
      `${name}: expected ${width} x ${height} values, got ${(bytes.length - header.length) >> 2}: the file is cut short`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset + header.length);
  const map = new Planes(1, height, width);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      map.data[y * width + x] = view.getFloat32(4 * ((height - 1 - y) * width + x), scale < 0);
  return map;
}
