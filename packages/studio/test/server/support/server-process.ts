/**
 * A studio in a process of its own. Tells its parent its address, then the processes that it starts, and closes when it
 * is told anything; it does not outlive its parent.
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
  // Whatever is still open would keep the process alive: that is what is tested.
  process.disconnect();
});
process.send!(studio.url);
