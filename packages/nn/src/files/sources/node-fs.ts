/**
 * Node's file system, looked up at run time. An `import` of `node:fs/promises`, even a lazy one, would break
 * bundlers that target browsers, which share these modules.
 */
import { CheckpointError } from "../error.ts";

export function nodeFs(path: string | URL): typeof import("node:fs/promises") {
  const process: Partial<NodeJS.Process> | undefined = globalThis.process;
  const fs = process?.getBuiltinModule?.("node:fs/promises");
  if (fs === undefined)
    throw new CheckpointError(`${path}: file paths are not available here; pass a URL, a Blob or bytes`);
  return fs;
}
