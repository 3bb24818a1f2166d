#!/usr/bin/env node
/** The command `tessera`. */
import { enableCompileCache } from "node:module";

// Sources run as they are: the second start finds types already stripped and modules compiled.
enableCompileCache();
const { run } = await import("./program.ts");
process.exitCode = await run(process.argv.slice(2));
