/** The one tag of EXIF data that decoders do not read for us. */

const EXIF_IFD = 0x8769;
const FOCAL_LENGTH_35 = 0xa405;

/** `FocalLengthIn35mmFilm` in millimetres; undefined if it is absent, unknown (0), or the data is damaged. */
export function focalLength35(exif: Uint8Array): number | undefined {
  // Behind "Exif\0\0", which some formats leave out.
  const start = exif[0] === 0x45 && exif[1] === 0x78 ? 6 : 0;
  const view = new DataView(exif.buffer, exif.byteOffset + start, Math.max(0, exif.length - start));
  try {
    const little = view.getUint16(0) === 0x4949;
    const find = (directory: number, wanted: number): number | undefined => {
      const count = view.getUint16(directory, little);
      for (let i = 0; i < count; i++) {
        const entry = directory + 2 + 12 * i;
        if (view.getUint16(entry, little) !== wanted) continue;
        const isShort = view.getUint16(entry + 2, little) === 3;
        return isShort ? view.getUint16(entry + 8, little) : view.getUint32(entry + 8, little);
      }
      return undefined;
    };
    const directory = find(view.getUint32(4, little), EXIF_IFD);
    return (directory === undefined ? undefined : find(directory, FOCAL_LENGTH_35)) || undefined;
  } catch (error) {
    // Offsets beyond the end.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
