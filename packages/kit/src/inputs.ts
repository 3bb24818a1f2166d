/** From bytes, addresses and files to what a task is asked about. Runs on Node and in browsers. */
import { type Image, type ImageSource, readImage } from "@tessera-ml/media";
import type { Media } from "./task.ts";

/** An input as it comes: a path or address (Node), bytes, a Blob, or something decoded already. */
export type RawInput = ImageSource;

export interface DecodeOptions {
  /** Reads what is there of a damaged file. */
  readonly tolerant?: boolean | undefined;
  /** What messages call the input. */
  readonly name?: string | undefined;
  /** Images with more pixels are refused before they are decoded. */
  readonly maxPixels?: number | undefined;
}

/**
 * Decodes an input once, however many checkpoints are asked about it: an `Image` as the file has it (transparency is
 * the network's business), a text as a string. What only the task itself can read is passed on as it is.
 *
 * @throws MediaError for files that cannot be read
 */
export async function decodeInput(
  accepts: readonly Media[],
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
  throw new TypeError("expected a text, as a string or as bytes in UTF-8");
}
