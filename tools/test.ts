/** `npm test -- [vitest arguments]`: runs the tests in Node and, if there is a Chromium, in the browser. */
import { join } from "node:path";
import { chromiumPath, hasChromium } from "./chromium.ts";
import { root, run } from "./run.ts";

const projects = ["--project=node"];
if (hasChromium()) projects.push("--project=browser");
else
  console.log(`browser tests skipped: no Chromium at ${chromiumPath()} (set TESSERA_CHROMIUM to its path)`);

run(process.execPath, [
  join(root, "node_modules/vitest/vitest.mjs"),
  "run",
  ...projects,
  ...process.argv.slice(2),
]);
