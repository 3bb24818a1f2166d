/** Decodes bytes, URLs and files into a task's inputs. Runs on Node and in browsers. */
import { Clip, clipIn, Image, type ImageSource, readImage } from "@tessera-ml/media";
import type { Medium } from "./task.ts";

/** A raw input: a path or URL (Node), bytes, a Blob, or something already decoded. */
export type RawInput = ImageSource | Clip;

export interface DecodeOptions {
  /** Reads damaged files as far as possible. */
  readonly tolerant?: boolean | undefined;
  /** The input's name in error messages. */
  readonly name?: string | undefined;
  /** Images, and videos whose frames have more pixels, are rejected before decoding. */
  readonly maxPixels?: number | undefined;
}

/**
 * Decodes an input once for all checkpoints: an image file to an `Image` with its channels unchanged (transparency is
 * left to the network), text to a string. A video becomes a `Clip`, which every checkpoint opens for itself; which of both
 * a file is, is told by its content. Formats only the task can read are passed on unchanged.
 *
 * @throws MediaError for files that cannot be read
 */
export async function decodeInput(
  accepts: readonly Medium[],
  source: RawInput,
  { tolerant, maxPixels, name }: DecodeOptions = {},
): Promise<Image | Clip | string | RawInput> {
  if (source instanceof Clip) return source;
  const options = {
    ...(maxPixels !== undefined && { maxPixels }),
    ...(tolerant && { tolerant }),
    ...(name !== undefined && { name }),
  };
  const visual = accepts.length > 0 && accepts.every((medium) => medium === "image" || medium === "video");
  if (!visual) return accepts.length === 1 && accepts[0] === "text" ? await textOf(source) : source;
  if (accepts.includes("video") && !(source instanceof Image)) {
    const found = accepts.includes("image") ? await clipIn(source, options) : Clip.of(source, options);
    return found instanceof Clip ? found : await readImage(found, { mode: "file", ...options });
  }
  return await readImage(source, { mode: "file", ...options });
}

async function textOf(source: RawInput): Promise<string> {
  if (typeof source === "string") return source;
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return new TextDecoder().decode(source);
  if (source instanceof Blob) return await source.text();
  throw new TypeError("expected text, as a string or as UTF-8 bytes");
}
