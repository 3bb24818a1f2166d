/** Sources of media, and their bytes. */
import { readFile } from "#files";
import { MediaError } from "./error.ts";
import { fetchBytes } from "./files/fetch.ts";

/**
 * A path (in a browser: a URL relative to the page), a URL (`file:`, `http:`, `https:`, `data:`, `blob:`),
 * the bytes of a file, or a `Blob` or `File`.
 */
export type Source = string | URL | Uint8Array | ArrayBuffer | Blob;

export interface SourceBytes {
  readonly bytes: Uint8Array;
  /** The name in error messages: the path, the URL, or the kind of source. */
  readonly name: string;
}

/**
 * Reads the bytes of a source, at most `maxBytes`; `name` is used in error messages for bytes and blobs without a name.
 *
 * URLs are fetched unchecked: a server must not pass on URLs from untrusted clients.
 *
 * @throws MediaError `not-found`, `unreachable`, `too-large`, `empty`, `unsupported`.
 */
export async function readSource(source: Source, maxBytes: number, name?: string): Promise<SourceBytes> {
  const read = await locate(source, maxBytes, name);
  if (read.bytes.length === 0) throw new MediaError("empty", `${read.name}: is empty`);
  return read;
}

async function locate(source: Source, maxBytes: number, given?: string): Promise<SourceBytes> {
  if (typeof source === "string" || source instanceof URL) {
    const scheme = /^(?:https?|data|blob|file):/i.exec(String(source))?.[0].toLowerCase();
    const name = scheme === "data:" ? abbreviate(String(source)) : String(source);
    if (name === "") throw new MediaError("not-found", "expected a path or URL, got an empty string");
    if (!scheme) return { bytes: await readFile(source, maxBytes), name };
    if (!URL.canParse(source)) throw new MediaError("unreachable", `${name}: not a valid URL`);
    const url = new URL(source);
    if (scheme === "file:") return { bytes: await readFile(url, maxBytes), name };
    return { bytes: await fetchBytes(url, name, maxBytes), name };
  }
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    const name = given ?? "the given bytes";
    checkLength(source.byteLength, name, maxBytes);
    const bytes = source instanceof Uint8Array ? source : new Uint8Array(source);
    return { bytes, name };
  }
  if (source instanceof Blob) {
    const name = source instanceof File ? source.name : (given ?? "the given blob");
    checkLength(source.size, name, maxBytes);
    return { bytes: new Uint8Array(await source.arrayBuffer()), name };
  }
  const got = source === null ? "null" : typeof source;
  throw new MediaError("unsupported", `expected a path, URL, bytes or Blob, got ${got}`);
}

function abbreviate(address: string): string {
  return address.length > 40 ? `${address.slice(0, 40)}...` : address;
}

function checkLength(length: number, name: string, maxBytes: number): void {
  if (length > maxBytes)
    throw new MediaError("too-large", `${name}: ${length} bytes, over the limit of ${maxBytes}`);
}
