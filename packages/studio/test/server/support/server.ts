/** `server-process.ts` from the side of a test. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

/** Ended with the test at the latest. */
export async function serverProcess(): Promise<{ server: ChildProcess; url: string }> {
  const server = fork(new URL("./server-process.ts", import.meta.url), { execArgv: [] });
  onTestFinished(() => void server.kill("SIGKILL"));
  const [url] = (await once(server, "message")) as [string];
  return { server, url };
}
