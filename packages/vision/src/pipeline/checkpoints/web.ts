/** Checkpoints in a browser: `NAME/record.json` and the file it names, beside the page or wherever `base` says. */
import type { FileRecord } from "@tessera-ml/hub/records";
import { openCheckpoint } from "@tessera-ml/nn";
import { parseClassifierRecord } from "../../records/record.ts";
import type { LoadOptions, OpenedCheckpoint } from "../types.ts";

/** A bare network means the checkpoint that comes along. */
export async function openModel(name: string, options: LoadOptions): Promise<OpenedCheckpoint> {
  const folder = `${(options.base ?? "models").replace(/\/+$/, "")}/${name.includes(".") ? name : `${name}.tessera`}`;
  const recordAddress = `${folder}/record.json`;
  const text = await (await get(recordAddress, options)).text();
  const record = parseClassifierRecord(text, recordAddress);
  const [file] = record.files;
  const address = `${folder}/${file.file}`;
  const bytes = await download(address, file, options);
  return { record, checkpoint: await openCheckpoint(bytes, { name: address }) };
}

/** What a browser takes without being told: the small classifier that comes along. */
export async function defaultModel(): Promise<string> {
  return "cifar_speedrun.tessera";
}

async function get(address: string, { signal }: LoadOptions): Promise<Response> {
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
  options: LoadOptions,
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
  // Pages that are not served securely have no way to compute a hash.
  if (sha256 !== undefined && globalThis.crypto?.subtle) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const got = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (got !== sha256) throw new Error(`${address}: expected SHA-256 ${sha256}, got ${got}`);
  }
  return bytes;
}
