/**
 * Node's file system, found at run time. An `import` of `node:fs/promises`, even a lazy one, would stop
 * bundlers that build for browsers; these modules are shared with browsers.
 */
import { CheckpointError } from "../error.ts";

export function nodeFs(path: string | URL): typeof import("node:fs/promises") {
  const process: Partial<NodeJS.Process> | undefined = globalThis.process;
  const fs = process?.getBuiltinModule?.("node:fs/promises");
  if (fs === undefined)
    throw new CheckpointError(`${path}: there are no file paths here; pass a URL, a Blob or the bytes`);
  return fs;
}
