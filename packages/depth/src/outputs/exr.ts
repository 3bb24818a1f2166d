/** OpenEXR: float32, for compositing and rendering tools. */
import type { Planes } from "@tessera-ml/media";

/**
 * A map [1, H, W] as OpenEXR with ZIP compression: the value in each of R, G and B, rows from the top. A value that is
 * not finite stays as it is.
 */
export async function encodeExr({ data, width, height }: Planes): Promise<Uint8Array> {
  // Large, and rarely needed.
  const [three, { EXRExporter, ZIP_COMPRESSION }] = await Promise.all([
    import("three"),
    import("three/addons/exporters/EXRExporter.js"),
  ]);
  const pixels = new Float32Array(4 * data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      // Textures begin with the lowest row.
      const to = 4 * ((height - 1 - y) * width + x);
      pixels.fill(data[y * width + x]!, to, to + 3);
      pixels[to + 3] = 1;
    }
  const texture = new three.DataTexture(pixels, width, height, three.RGBAFormat, three.FloatType);
  return await new EXRExporter().parse(texture, { type: three.FloatType, compression: ZIP_COMPRESSION });
}
