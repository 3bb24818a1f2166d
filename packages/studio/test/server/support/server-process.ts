/**
 * A studio in a child process. Sends its parent its URL, then the ids of processes it starts, and closes on any message;
 * exits with its parent.
 */
import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { startStudio } from "../../../src/server/index.ts";

let closing = false;
process.on("disconnect", () => {
  if (!closing) process.exit(1);
});
subscribe("child_process", (message) => {
  const { process: child } = message as { process: ChildProcess };
  child.once("spawn", () => process.send!(child.pid));
});
const studio = await startStudio({ port: 0, page: import.meta.dirname });
process.once("message", async () => {
  closing = true;
  await studio.close();
  // Tests that nothing is left open, which would keep the process alive.
  process.disconnect();
});
process.send!(studio.url);
