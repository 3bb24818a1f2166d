/** Every example runs to completion. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "./run.ts";

const examples = join(root, "examples");
const programs = (await readdir(examples)).filter((name) => name.endsWith(".ts"));

/** The temporary folder of the examples. */
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-examples-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

test.for(programs)("%s", async (program, { signal }) => {
  const options = { cwd: examples, env: { ...process.env, TMPDIR: folder }, signal };
  const { stdout } = await promisify(execFile)(process.execPath, [program], options);
  expect(stdout).not.toBe("");
});
