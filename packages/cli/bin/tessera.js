#!/usr/bin/env node
/**
 * The command `tessera`. JavaScript, unlike all other sources: Node does not cache the entry point, so stripping its
 * types would load a compiler on every start.
 */
import module from "node:module";

if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(`tessera needs Node 24 or newer, this is ${process.version} (${process.execPath})`);
  process.exit(1);
}
// From the second start on, sources are already stripped of types and compiled.
module.enableCompileCache();
const { run } = await import("@tessera-ml/cli");
process.exitCode = await run(process.argv.slice(2));
