/** Decodes bytes, URLs and files into a task's inputs. Runs on Node and in browsers. */
import { type Image, type ImageSource, readImage } from "@tessera-ml/media";
import type { Medium } from "./task.ts";

/** A raw input: a path or URL (Node), bytes, a Blob, or something already decoded. */
export type RawInput = ImageSource;

export interface DecodeOptions {
  /** Reads damaged files as far as possible. */
  readonly tolerant?: boolean | undefined;
  /** The input's name in error messages. */
  readonly name?: string | undefined;
  /** Images with more pixels are rejected before decoding. */
  readonly maxPixels?: number | undefined;
}

/**
 * Decodes an input once for all checkpoints: an image file to an `Image` with its channels unchanged (transparency is
 * left to the network), text to a string. Formats only the task can read are passed on unchanged.
 *
 * @throws MediaError for files that cannot be read
 */
export async function decodeInput(
  accepts: readonly Medium[],
  source: RawInput,
  { tolerant, maxPixels, name }: DecodeOptions = {},
): Promise<Image | string | RawInput> {
  if (accepts.length === 1 && accepts[0] === "image")
    return await readImage(source, {
      mode: "file",
      ...(maxPixels !== undefined && { maxPixels }),
      ...(tolerant && { tolerant }),
      ...(name !== undefined && { name }),
    });
  if (accepts.length === 1 && accepts[0] === "text") return await textOf(source);
  return source;
}

async function textOf(source: RawInput): Promise<string> {
  if (typeof source === "string") return source;
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return new TextDecoder().decode(source);
  if (source instanceof Blob) return await source.text();
  throw new TypeError("expected text, as a string or as UTF-8 bytes");
}
