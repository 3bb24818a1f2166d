/** What a Node below 24 says: one sentence, whichever door it comes in by. */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./run.ts";

/** This Node, made to look and to lack what an older one does. */
const disguise = `data:text/javascript,${encodeURIComponent(
  'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.9.0" } });' +
    "delete globalThis.Float16Array;",
)}`;

function run(...args: string[]): { status: number | null; stderr: string } {
  // From the examples, which may import every package.
  const cwd = join(root, "examples");
  return spawnSync(process.execPath, ["--import", disguise, ...args], { cwd, encoding: "utf8" });
}

test.each(["packages/cli/bin/tessera.js", "tools/check-node.mjs"])("%s", (file) => {
  const { status, stderr } = run(join(root, file));
  expect(status).toBe(1);
  expect(stderr).toMatch(/^[Tt]essera needs Node 24 or newer, this is .*\n$/);
});

test.each([...["tensor", "tensor/dtype", "nn", "hub", "kit", "vision", "depth", "tessera", "studio"]])(
  "import of @tessera-ml/%s",
  (name) => {
    const program = `try { await import("@tessera-ml/${name}") } catch (error) { console.error(error.message) }`;
    const { stderr } = run("--input-type=module", "--eval", program);
    expect(stderr).toBe("Tessera needs Node 24 or newer, this is Node 22.9.0\n");
  },
);

test("what packages import at once has no syntax that Node 22 cannot parse", () => {
  const sources = globSync("packages/*/src/**/*.ts", { cwd: root });
  expect(sources.length).toBeGreaterThan(200);
  const newer = sources.filter((file) =>
    /^\s*(await )?using \w+ =/m.test(readFileSync(join(root, file), "utf8")),
  );
  expect(newer).toEqual([]);
});
