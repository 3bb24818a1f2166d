/** Detecting file formats by their first bytes. */

/** The supported formats. */
export const READABLE = ["JPEG", "PNG", "WebP", "GIF", "TIFF", "AVIF", "BMP"] as const;
export type Format = (typeof READABLE)[number];

export function isReadable(kind: string | undefined): kind is Format {
  return (READABLE as readonly (string | undefined)[]).includes(kind);
}

/** The name of the format, supported or not; undefined if it is not recognized. */
export function sniff(bytes: Uint8Array): string | undefined {
  const head = latin1(bytes, 0, 512);
  if (begins(head, "····ftyp")) return ofBrands(head, bytes);
  const [, byText] = TEXTS.find(([start]) => start.test(head)) ?? [];
  return byText ?? SIGNATURES.find(([start]) => begins(head, start))?.[1];
}

/** Whether `head` starts with `start`, where "·" matches any character. */
function begins(head: string, start: string): boolean {
  return head.length >= start.length && [...start].every((char, i) => char === "·" || char === head[i]);
}

/** Latin-1, with "·" for any byte. The first match wins. */
const SIGNATURES: readonly (readonly [start: string, kind: string])[] = [
  ["\xff\xd8\xff\xf7", "JPEG-LS"],
  ["\xff\xd8\xff", "JPEG"],
  ["\x89PNG\r\n\x1a\n", "PNG"],
  ["GIF87a", "GIF"],
  ["GIF89a", "GIF"],
  ["RIFF····WEBP", "WebP"],
  ["RIFF····AVI ", "an AVI video"],
  ["RIFF····WAVE", "a WAV recording"],
  ["II*\0····CR", "a Canon raw file (CR2)"],
  ["II*\0", "TIFF"],
  ["MM\0*", "TIFF"],
  ["II+\0", "TIFF"],
  ["MM\0+", "TIFF"],
  // All known header lengths.
  ...["\x0c", "\x10", "\x28", "\x34", "\x38", "\x40", "\x6c", "\x7c"].map(
    (length) => [`BM············${length}\0\0\0`, "BMP"] as const,
  ),
  ["\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"],
  ["\xff\x0a", "JPEG XL"],
  ["\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"],
  ["\xff\x4f\xff\x51", "JPEG 2000"],
  ["II\xbc", "JPEG XR"],
  ["IIRO", "an Olympus raw file (ORF)"],
  ["IIRS", "an Olympus raw file (ORF)"],
  ["MMOR", "an Olympus raw file (ORF)"],
  ["IIU\0", "a Panasonic raw file (RW2)"],
  ["II····HEAPCCDR", "a Canon raw file (CRW)"],
  ["FUJIFILMCCD-RAW", "a Fujifilm raw file (RAF)"],
  ["FOVb", "a Sigma raw file (X3F)"],
  ["\0MRM", "a Minolta raw file (MRW)"],
  ["8BPS", "a Photoshop document"],
  ["gimp xcf", "a GIMP document"],
  ["%PDF", "a PDF"],
  ["%!PS", "PostScript"],
  ["\xc5\xd0\xd3\xc6", "PostScript"],
  ["\0\0\x01\0", "a Windows icon"],
  ["\0\0\x02\0\0", "a Targa image (TGA)"],
  ["\0\0\x0a\0\0", "a Targa image (TGA)"],
  ["\0\0\x02\0", "a Windows cursor"],
  ["icns", "a Mac icon"],
  ["\x76\x2f\x31\x01", "OpenEXR"],
  ["#?RADIANCE", "a Radiance image (HDR)"],
  ["#?RGBE", "a Radiance image (HDR)"],
  ["DDS ", "a DirectDraw surface (DDS)"],
  ["qoif", "QOI"],
  ["FLIF", "FLIF"],
  ["SIMPLE  =", "FITS"],
  [`${"·".repeat(128)}DICM`, "DICOM"],
  ["AT&TFORM", "DjVu"],
  ["\x0a\x05\x01", "PCX"],
  ["\x01\xda", "a Silicon Graphics image (SGI)"],
  ["\x8aMNG", "MNG"],
  ["\x8bJNG", "JNG"],
  ["\xb6\xa6\xf2\x08", "a libvips image (V)"],
  ["\x08\xf2\xa6\xb6", "a libvips image (V)"],
  ["\x1a\x45\xdf\xa3", "a Matroska or WebM video"],
  ["\x1f\x8b", "a gzip archive"],
  ["PK\x03\x04", "a zip archive"],
];

const TEXTS: readonly (readonly [start: RegExp, kind: string])[] = [
  [
    /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/is,
    "SVG",
  ],
  [/^(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html)/i, "an HTML page"],
  [/^P[1-7]\s/, "a Netpbm image (PBM, PGM, PPM or PAM)"],
  [/^P[Ff]\s/, "a PFM image"],
];

/** ISO media files list compatible brands; if there are only container brands, their items determine the format. */
function ofBrands(head: string, bytes: Uint8Array): string {
  const length = [...head.slice(0, 4)].reduce((sum, char) => sum * 256 + char.charCodeAt(0), 0);
  const brands = [head.slice(8, 12), ...(head.slice(16, length).match(/.{4}/gs) ?? [])];
  const has = (...names: string[]) => names.some((name) => brands.includes(name));
  if (has("avif", "avis")) return "AVIF";
  if (has("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs")) return "HEIC";
  if (has("crx ")) return "a Canon raw file (CR3)";
  if (has("mif1", "mif2", "msf1", "miaf", "avci", "jpeg", "vvic", "j2ki")) {
    const items = latin1(bytes, 0, 65_536);
    if (items.includes("av01")) return "AVIF";
    return items.includes("hvc1") ? "HEIC" : "HEIF";
  }
  return "a video";
}

/** Decodes Latin-1. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (const byte of bytes.subarray(from, to)) text += String.fromCharCode(byte);
  return text;
}
