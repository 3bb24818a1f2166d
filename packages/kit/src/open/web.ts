/** Checkpoints in a browser: `NAME/record.json` and the files it names, relative to the page or to `base`. */
import type { CheckpointRecord, FileRecord } from "@tessera-ml/hub";
import { parseRecord } from "@tessera-ml/hub/records";
import { openCheckpoint } from "@tessera-ml/nn";
import { checked } from "./record.ts";
import type { OpenedFile, Opener, OpenOptions } from "./types.ts";

/** None: browsers only know the checkpoints beside the page, which the page itself lists. */
export async function recordsOf(_: Opener): Promise<CheckpointRecord[]> {
  return [];
}

/** A network's name refers to its checkpoint shipped with Tessera. */
export async function openNamed<R extends CheckpointRecord>(
  opener: Opener<R>,
  name: string,
  options: OpenOptions,
): Promise<OpenedFile<R>> {
  const folder = `${(options.base ?? "models").replace(/\/+$/, "")}/${name.includes(".") ? name : `${name}.tessera`}`;
  const where = `${folder}/record.json`;
  const json = await (await get(where, options)).text();
  const record = checked(opener, parseRecord(json, where), where);
  const address = `${folder}/${record.files[0].file}`;
  const bytes = await download(address, record.files[0], options);
  return { record, checkpoint: await openCheckpoint(bytes, { name: address }), paths: [] };
}

export async function firstHere<R extends CheckpointRecord>(records: readonly R[]): Promise<R | undefined> {
  return records[0];
}

async function get(address: string, { signal }: OpenOptions): Promise<Response> {
  const response = await fetch(address, { signal: signal ?? null }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new Error(`${address}: cannot be fetched (${error instanceof Error ? error.message : error})`);
  });
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`.trim());
  return response;
}

async function download(
  address: string,
  { file, size, sha256 }: FileRecord,
  options: OpenOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { body } = await get(address, options);
  const started = performance.now();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  const report = () => {
    const bytesPerSecond = received / Math.max(1e-3, (performance.now() - started) / 1000);
    const secondsLeft = size === undefined ? undefined : Math.max(0, size - received) / bytesPerSecond;
    options.progress?.({ phase: "downloading", file, received, total: size, bytesPerSecond, secondsLeft });
  };
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    received += chunk.length;
    report();
  }
  if (size !== undefined && received !== size)
    throw new Error(`${address}: expected ${size} bytes, got ${received}`);
  const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
  // Hashing is unavailable in insecure contexts.
  if (sha256 !== undefined && globalThis.crypto?.subtle) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const got = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (got !== sha256) throw new Error(`${address}: expected SHA-256 ${sha256}, got ${got}`);
  }
  return bytes;
}
