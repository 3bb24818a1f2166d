#!/usr/bin/env node
/**
 * The command `tessera`. JavaScript, unlike all else: of this one file Node keeps nothing from start to start, and
 * to take types off it would load a compiler each time.
 */
import module from "node:module";

if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(`tessera needs Node 24 or newer, this is ${process.version} (${process.execPath})`);
  process.exit(1);
}
// Sources run as they are: the second start finds types already stripped and modules compiled.
module.enableCompileCache();
const { run } = await import("@tessera-ml/cli");
process.exitCode = await run(process.argv.slice(2));
