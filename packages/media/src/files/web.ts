/** File access in a browser: what the page can fetch. */
import { MediaError } from "../error.ts";
import { fetchBytes } from "./fetch.ts";

/** Fetches a path, which is a URL relative to the page. */
export function readFile(path: string | URL, maxBytes: number): Promise<Uint8Array> {
  const url = new URL(path, globalThis.location.href);
  if (url.protocol === "file:")
    throw new MediaError("unreachable", `${path}: a page cannot read files by path; pass the File`);
  return fetchBytes(url, String(path), maxBytes);
}

/** A page reads every source whole. */
export function findFile(_source: string | URL): Promise<string | undefined> {
  return Promise.resolve(undefined);
}

export function readStart(path: string, _count: number): Promise<Uint8Array> {
  throw new MediaError("unreachable", `${path}: a page cannot read files by path; pass the File`);
}

export function writeFile(path: string, _bytes: Uint8Array): Promise<void> {
  return writeAtomically(path);
}

export function writeAtomically(path: string): Promise<void> {
  throw new MediaError("unsupported", `${path}: a page cannot write files; offer a download instead`);
}
