/** `npm run bench -- NAME [arguments]`: runs `bench/NAME.ts`, whose last line is one JSON object. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./run.ts";

const folder = join(root, "bench");
const [name, ...rest] = process.argv.slice(2);
const names = existsSync(folder)
  ? readdirSync(folder).flatMap((file) => (file.endsWith(".ts") ? [file.slice(0, -3)] : []))
  : [];
if (name === undefined || !names.includes(name)) {
  const problem = name === undefined ? "Which bench?" : `There is no bench "${name}".`;
  console.error(
    `${problem} Usage: npm run bench -- NAME, where NAME is one of: ${names.join(", ") || "(none yet)"}`,
  );
  process.exit(2);
}

// The libraries we compare with are installed on first use, outside the workspace, so that users never get them.
if (!existsSync(join(folder, "node_modules"))) run("npm", ["ci", "--prefix", folder]);
run(process.execPath, ["--expose-gc", join(folder, `${name}.ts`), ...rest]);
