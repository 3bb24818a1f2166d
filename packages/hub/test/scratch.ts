import { createHash } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { HubError, type HubErrorCode } from "../src/error.ts";

/** A temporary folder for one test, removed after it. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tessera-hub-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Resolves once this many bytes of the download are on disk; rejects after 30 s. */
export async function written(target: string, count: number): Promise<void> {
  const size = async () => (await stat(`${target}.partial`).catch(() => undefined))?.size ?? 0;
  for (let waited = 0; (await size()) < count; waited += 5) {
    if (waited >= 30_000) throw new Error(`${target}.partial: expected ${count} bytes, got ${await size()}`);
    await sleep(5);
  }
}

/** Pseudo-random bytes, so that a misplaced piece is noticed. */
export function bytes(length: number, seed = 1): Uint8Array {
  const out = new Uint8Array(length);
  let x = seed * 0x9e3779b1;
  for (let i = 0; i < length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    out[i] = x;
  }
  return out;
}

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The HubError a promise rejects with; throws if it resolves or rejects with anything else. */
export async function failure(promise: Promise<unknown>, code: HubErrorCode): Promise<HubError> {
  const error = await promise.then(
    (value) => new Error(`expected ${code}, got a result: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof HubError)) throw error;
  if (error.code !== code) throw new Error(`expected ${code}, got ${error.code}: ${error.message}`);
  return error;
}

/** The message that `run` throws with; fails if it returns. */
export function message(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("expected an error");
}
