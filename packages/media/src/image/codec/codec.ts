/** The common part of both codecs: Node's (sharp) and the browser's (canvas). */
import { MediaError } from "../../error.ts";
import type { Size } from "../image.ts";
import { type Format, isReadable, READABLE, sniff } from "./format.ts";
import { type Header, readHeader } from "./header.ts";

export type ImageFormat = "png" | "jpeg" | "webp";

export interface DecodeOptions {
  /** Name of the file in error messages. */
  readonly name: string;
  /** Apply the EXIF orientation. */
  readonly orient: boolean;
  readonly maxPixels: number;
}

/** A single-channel map, row-major. */
export interface DeepPixels extends Size {
  readonly data: Float32Array;
}

/**
 * Determines the format and size of an image before decoding.
 *
 * @throws MediaError `unsupported`; `too-large` or `damaged`, judging by the size in the header
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
  // A JPEG file may specify its height after the first scan.
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
    throw new MediaError("too-large", `${name}: ${width} x ${height} pixels, over the limit of ${maxPixels}`);
}

/** The error for an unsupported file; `kind` is what it is, if known. */
export function unsupported(kind: string | undefined, name: string): MediaError {
  const found = kind ? `${kind} is not supported` : "not an image, or an unknown format";
  const expected = `${READABLE.slice(0, -1).join(", ")} or ${READABLE.at(-1)}`;
  return new MediaError("unsupported", `${name}: ${found}; expected ${expected}`);
}

export function cutShort(format: Format, name: string, bytes: number): MediaError {
  return new MediaError(
    "cut-short",
    `${name}: cut short: the ${format} file ends at byte ${bytes}, before the image is complete`,
  );
}

export function damaged(name: string, reason: string, cause?: unknown): MediaError {
  return new MediaError("damaged", `${name}: damaged (${reason})`, cause);
}
