#!/usr/bin/env node
/**
 * The command `tessera`. JavaScript, unlike all else: of this one file Node keeps nothing from start to start, and
 * to take types off it would load a compiler each time.
 */
import { enableCompileCache } from "node:module";

// Sources run as they are: the second start finds types already stripped and modules compiled.
enableCompileCache();
const { run } = await import("@tessera-ml/cli");
process.exitCode = await run(process.argv.slice(2));
