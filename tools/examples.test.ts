/** Every example runs to its end. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { root } from "./run.ts";

const folder = join(root, "examples");
const programs = readdirSync(folder).filter((name) => name.endsWith(".ts"));

test.each(programs)("%s", async (program) => {
  const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd: folder });
  expect(stdout).not.toBe("");
});
