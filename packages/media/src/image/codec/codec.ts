/** What both codecs agree on: the one of Node (sharp) and the one of the browser (canvas). */
import { MediaError } from "../../error.ts";
import type { Size } from "../image.ts";

export type ImageFormat = "png" | "jpeg" | "webp";

export interface DecodeOptions {
  /** What messages call the file. */
  readonly name: string;
  /** Turn the picture as its EXIF orientation says. */
  readonly orient: boolean;
  readonly maxPixels: number;
}

/** Values of a map with one number a pixel, row by row. */
export interface DeepPixels extends Size {
  readonly data: Float32Array;
}

export function checkPixels({ width, height }: Size, { name, maxPixels }: DecodeOptions): void {
  if (width * height > maxPixels)
    throw new MediaError(
      "too-large",
      `${name}: ${width} x ${height} pixels, at most ${maxPixels} are decoded`,
    );
}

const READABLE = "JPEG, PNG, WebP, GIF, TIFF and AVIF";

/** The error for bytes that no decoder takes; names the kind of file where the first bytes tell. */
export function unsupported(bytes: Uint8Array, name: string): MediaError {
  const kind = sniff(bytes);
  const found = kind ? `${kind} is not read` : "not an image, or of an unknown format";
  return new MediaError("unsupported", `${name}: ${found}; expected ${READABLE}`);
}

function sniff(bytes: Uint8Array): string | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  if (/^.{4}ftyp(?:hei|hev|mif1|msf1)/s.test(head)) return "HEIC";
  if (head.startsWith("BM")) return "BMP";
  if (head.startsWith("%PDF")) return "a PDF";
  if (head.startsWith("8BPS")) return "a Photoshop document";
  if (/^.{4}JXL /s.test(head) || head.startsWith("\xff\x0a")) return "JPEG XL";
  if (/^\s*(?:<\?xml[^>]*>\s*)?<svg/.test(head)) return "SVG";
  if (/^\s*<(?:!doctype html|html)/i.test(head)) return "an HTML page";
  if (/^.{4}ftyp/s.test(head)) return "a video";
  return undefined;
}
