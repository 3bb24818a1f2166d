/** What both codecs agree on: the one of Node (sharp) and the one of the browser (canvas). */
import { MediaError } from "../../error.ts";
import type { Size } from "../image.ts";
import { type Format, isReadable, READABLE, sniff } from "./format.ts";
import { type Header, readHeader } from "./header.ts";

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

/**
 * What a file is, and how large its picture, before anything is decoded.
 *
 * @throws MediaError `unsupported`; `too-large` or `damaged`, by the size that the header gives
 */
export function checkHeader(
  bytes: Uint8Array,
  options: Pick<DecodeOptions, "name" | "maxPixels">,
): { format: Format; header: Header } {
  const format = sniff(bytes);
  if (!isReadable(format)) throw unsupported(format, options.name);
  const header = readHeader(bytes, format);
  if (header.unread !== undefined) throw unsupported(header.unread, options.name);
  const { width, height } = header.size ?? {};
  // A JPEG file may give its height behind the first scan.
  if (width === 0 || (height === 0 && format !== "JPEG"))
    throw damaged(options.name, `${width} x ${height} pixels`);
  if (header.size) checkPixels(header.size, options);
  return { format, header };
}

export function checkPixels(
  { width, height }: Size,
  { name, maxPixels }: Pick<DecodeOptions, "name" | "maxPixels">,
): void {
  if (width * height > maxPixels)
    throw new MediaError(
      "too-large",
      `${name}: ${width} x ${height} pixels, at most ${maxPixels} are decoded`,
    );
}

/** The error for a file that no decoder takes; `kind` names what it is, where that is known. */
export function unsupported(kind: string | undefined, name: string): MediaError {
  const found = kind ? `${kind} is not read` : "not an image, or of an unknown format";
  const expected = `${READABLE.slice(0, -1).join(", ")} or ${READABLE.at(-1)}`;
  return new MediaError("unsupported", `${name}: ${found}; expected ${expected}`);
}

export function cutShort(format: Format, name: string, bytes: number): MediaError {
  return new MediaError(
    "cut-short",
    `${name}: cut short: the ${format} file ends at byte ${bytes}, before its picture does`,
  );
}

export function damaged(name: string, reason: string, cause?: unknown): MediaError {
  return new MediaError("damaged", `${name}: damaged (${reason})`, cause);
}
