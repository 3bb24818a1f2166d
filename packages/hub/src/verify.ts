import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import * as z from "zod";
import { HubError } from "./error.ts";
import { formatBytes, statFile, writeAtomic } from "./files.ts";
import type { Meter } from "./progress.ts";

/** What a file is expected to be. Hashes are lower-case hexadecimal. */
export interface Expectation {
  /** bytes */
  size?: number | undefined;
  sha256?: string | undefined;
  /** The first digits of the SHA-256, as in PyTorch's file names (`resnet50-11ad3fa6.pth`). */
  shaPrefix?: string | undefined;
}

/** What a file is, after reading all of it. */
export interface Verified {
  size: number;
  sha256: string;
  /** What it was verified against; `none` if nothing was known about it. */
  against: "sha256" | "prefix" | "size" | "none";
}

export function hasChecksum(expected: Expectation): boolean {
  return expected.sha256 !== undefined || expected.shaPrefix !== undefined;
}

/** SHA-256 of a file, lower-case hexadecimal. */
export async function sha256File(
  path: string,
  options: { signal?: AbortSignal | undefined; onBytes?: ((count: number) => void) | undefined } = {},
): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { signal: options.signal, highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    options.onBytes?.((chunk as Buffer).length);
  }
  return hash.digest("hex");
}

function compare(size: number, sha256: string, expected: Expectation, what: string): Verified {
  if (expected.size !== undefined && size !== expected.size) {
    throw new HubError("size", `${what}: expected ${expected.size} bytes, got ${size}`);
  }
  if (expected.sha256 !== undefined && sha256 !== expected.sha256) {
    throw new HubError("checksum", `${what}: expected SHA-256 ${expected.sha256}, got ${sha256}`);
  }
  if (expected.shaPrefix !== undefined && !sha256.startsWith(expected.shaPrefix)) {
    throw new HubError(
      "checksum",
      `${what}: expected a SHA-256 that starts with ${expected.shaPrefix}, got ${sha256}`,
    );
  }
  const against = expected.sha256
    ? "sha256"
    : expected.shaPrefix
      ? "prefix"
      : expected.size
        ? "size"
        : "none";
  return { size, sha256, against };
}

/**
 * Hashes the file `path` and compares it with what is expected.
 * Throws `absent`, `size` or `checksum`; `what` names the file in the messages.
 */
export async function verifyFile(
  path: string,
  expected: Expectation,
  options: {
    what?: string | undefined;
    signal?: AbortSignal | undefined;
    onBytes?: ((count: number) => void) | undefined;
  } = {},
): Promise<Verified> {
  const what = options.what ?? path;
  const found = await statFile(path);
  if (!found) throw new HubError("absent", `${what}: no such file`);
  // Do not hash a file of the wrong size.
  if (expected.size !== undefined && found.size !== expected.size) compare(found.size, "", expected, what);
  return compare(found.size, await sha256File(path, options), expected, what);
}

const markerSchema = z.object({ size: z.number(), mtimeMs: z.number(), sha256: z.string() });
type Marker = z.infer<typeof markerSchema>;

/** The marker next to a verified file: it stores the hash, so that large files are not hashed at every start. */
export function markerPath(path: string): string {
  return `${path}.verified.json`;
}

export async function readMarker(path: string): Promise<Marker | undefined> {
  try {
    return markerSchema.parse(JSON.parse(await readFile(markerPath(path), "utf8")));
  } catch {
    return undefined; // absent or damaged: the file is hashed again
  }
}

export async function writeMarker(path: string, verified: { size: number; sha256: string }): Promise<void> {
  const found = await statFile(path);
  if (!found) return;
  const marker: Marker = { size: verified.size, mtimeMs: found.mtimeMs, sha256: verified.sha256 };
  await writeAtomic(markerPath(path), `${JSON.stringify(marker)}\n`);
}

export interface AcceptOptions {
  signal?: AbortSignal | undefined;
  meter?: Meter | undefined;
  /** Write a marker so that the file is not hashed again. Only for files in the cache, which is ours to write to. */
  mark?: boolean | undefined;
}

/**
 * Accepts an existing file, wherever it came from. One that has not changed since it was verified is not read again;
 * any other is hashed, compared and, with `mark`, marked.
 * Throws `absent`, `size` or `checksum`.
 */
export async function acceptFile(
  path: string,
  expected: Expectation,
  options: AcceptOptions = {},
): Promise<Verified> {
  const [found, marker] = await Promise.all([statFile(path), readMarker(path)]);
  if (!found) throw new HubError("absent", `${path}: no such file`);
  const what = `${path} (${formatBytes(found.size)})`;
  const advice = `Delete it, or put the right ${basename(path)} in its place.`;
  try {
    if (marker && marker.size === found.size && marker.mtimeMs === found.mtimeMs) {
      return compare(found.size, marker.sha256, expected, what);
    }
    const { signal, meter, mark } = options;
    meter?.begin("verifying", 0, found.size);
    const verified = await verifyFile(path, expected, { signal, onBytes: meter?.add, what });
    meter?.end();
    // A read-only cache can still be used.
    if (mark) await writeMarker(path, verified).catch(() => {});
    return verified;
  } catch (error) {
    if (error instanceof HubError)
      throw new HubError(error.code, `${error.message}. ${advice}`, { cause: error });
    throw error;
  }
}
