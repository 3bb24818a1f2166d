/**
 * What the golden checks of systems have in common: cases told apart by name, the files they refer to, published names.
 *
 * @packageDocumentation
 */
import type { Module } from "@tessera-ml/nn";
import { type Checked, record, runCases } from "@tessera-ml/nn/golden";
import type { Shape } from "@tessera-ml/tensor";
import { keysOf, type Naming, sourceShape } from "./networks/index.ts";
import type { Golden } from "./task.ts";

export type Json = Readonly<Record<string, unknown>>;

export interface Case {
  readonly name: string;
  readonly golden: Json;
  /** Path of the golden file. */
  readonly path: string;
}

export type Check = (golden: Case) => Promise<Checked>;

/** The check of a case, by the first pattern that its name matches. */
export type Checks = readonly (readonly [name: RegExp, load: () => Promise<{ readonly check: Check }>])[];

/** @throws Error if none of the patterns matches */
export async function checkCase(checks: Checks, golden: Case): Promise<Checked> {
  const found = checks.find(([pattern]) => pattern.test(golden.name));
  if (!found) throw new Error(`no runner yet for cases like ${golden.name}`);
  const { check } = await found[1]();
  return await check(golden);
}

/** The golden runner of a system whose files' names start with `prefix`. */
export function goldenOf(prefix: string, checks: Checks): Golden {
  return {
    prefix,
    run: (file, report) =>
      runCases(file, report, (name, given) =>
        checkCase(checks, { name, golden: record(given, name), path: file.path }),
      ),
  };
}

/** The floating-point state under the names of a file, in its shapes. */
export function publishedState(model: Module, naming?: Naming): [key: string, shape: Shape][] {
  return [...model.stateDict()]
    .filter(([, { dtype }]) => dtype.startsWith("float"))
    .flatMap(([path, { shape }]): [string, Shape][] => {
      if (!naming) return [[path, shape]];
      const parts = keysOf(naming, path);
      const theirs = sourceShape(naming, naming.keyOf(path), shape);
      const [first = 1, ...rest] = theirs;
      return parts.map((part) => [part, parts.length === 1 ? theirs : [first / parts.length, ...rest]]);
    });
}

/**
 * A file of the shared data, which lies above the golden file or where `TESSERA_SHARED` says. Node only.
 *
 * @throws Error if it is in none of these folders
 */
export async function sharedFile(file: string, path: string): Promise<string> {
  const { existsSync } = await import("node:fs");
  const { dirname, join, resolve } = await import("node:path");
  const folders = [process.env.TESSERA_SHARED, resolve("../shared")].filter((folder) => folder !== undefined);
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) folders.push(folder);
  const found = folders.map((folder) => join(folder, file)).find((candidate) => existsSync(candidate));
  if (!found) throw new Error(`${file}: found neither above ${path} nor in TESSERA_SHARED`);
  return found;
}

/** Several comparisons as one. */
export function together(checks: readonly Checked[]): Checked {
  return {
    deviation: Math.max(0, ...checks.map(({ deviation }) => deviation)),
    problems: checks.flatMap(({ problems }) => problems),
  };
}

/** Compares a number, relative to what is expected. */
export function close(what: string, got: number, wanted: number, tolerance: number): Checked {
  const deviation = Math.abs(got - wanted) / (Math.abs(wanted) || 1);
  return { deviation, problems: deviation <= tolerance ? [] : [`${what}: expected ${wanted}, got ${got}`] };
}
