/** A studio in a process of its own: tells its address to its parent, and closes when it is told anything. */
import { startStudio } from "../../../src/server/index.ts";

const studio = await startStudio({ port: 0, page: import.meta.dirname });
process.once("message", async () => {
  await studio.close();
  // Whatever is still open would keep the process alive: that is what is tested.
  process.disconnect();
});
process.send!(studio.url);
