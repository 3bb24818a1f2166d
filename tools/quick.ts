/** `npm run test:quick`: types and style at the same time, then the tests in Node without the `*.slow.test.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root, run } from "./run.ts";

const modules = join(root, "node_modules");
const checks = [
  [join(modules, "typescript/bin/tsc")],
  [join(modules, "@biomejs/biome/bin/biome"), "check", "--error-on-warnings"],
].map(async (command) => {
  const [code] = await once(spawn(process.execPath, command, { cwd: root, stdio: "inherit" }), "exit");
  return code === 0;
});
if ((await Promise.all(checks)).includes(false)) process.exit(1);

process.env.TESSERA_QUICK = "1";
process.env.TESSERA_THREADS ??= "1";
run(process.execPath, [
  join(modules, "vitest/vitest.mjs"),
  "run",
  "--project=node",
  "--project=quick-portable",
  ...process.argv.slice(2),
]);
