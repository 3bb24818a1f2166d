/** Portable float maps, as MiDaS writes them: 32-bit values, the last row first. */
import type { Planes } from "@tessera-ml/media";

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
