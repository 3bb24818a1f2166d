/** Starts `server-process.ts` for a test. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A server that is killed, and whose temporary files are removed, when the test finishes. */
export async function serverProcess(): Promise<{ server: ChildProcess; url: string }> {
  const folder = await mkdtemp(join(tmpdir(), "tessera-studio-test-"));
  const env = { ...process.env, TMPDIR: folder };
  const server = fork(new URL("./server-process.ts", import.meta.url), { execArgv: [], env });
  onTestFinished(async () => {
    server.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });
  const [url] = (await once(server, "message")) as [string];
  return { server, url };
}
