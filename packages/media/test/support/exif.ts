/** Inserts an EXIF orientation into a JPEG file, after its first two bytes. */
export function withOrientation(jpeg: Uint8Array, orientation: number): Uint8Array<ArrayBuffer> {
  // biome-ignore format: one field of the format a line
  const segment = [
    0xff, 0xe1, 0, 34, // APP1, its length
    0x45, 0x78, 0x69, 0x66, 0, 0, // "Exif"
    0x4d, 0x4d, 0, 42, 0, 0, 0, 8, // TIFF, big endian, first directory at 8
    0, 1, // one entry
    0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, // orientation: one 16-bit number
    0, 0, 0, 0, // no further directory
  ];
  return Uint8Array.from([...jpeg.subarray(0, 2), ...segment, ...jpeg.subarray(2)]);
}
