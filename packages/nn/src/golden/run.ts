/** The common part of the golden checks of all systems: named cases with results. */
import type { Comparison } from "./probe.ts";

export interface GoldenFile {
  /** Path of the file: some cases refer to files next to it. */
  readonly path: string;
  /** The cases to be checked by name, as parsed from the file. */
  readonly cases: Readonly<Record<string, unknown>>;
}

/** The result of a check; `note` is for people: counts, sizes. */
export interface Checked extends Comparison {
  readonly note?: string;
}

export interface GoldenResult extends Checked {
  readonly name: string;
  readonly seconds: number;
}

/** Implemented by each system: checks the cases of a file in sequence. */
export type GoldenRunner = (file: GoldenFile, report: (result: GoldenResult) => void) => Promise<void>;

/** Runs `check` on each case; a case that throws has failed, and the remaining ones still run. */
export async function runCases(
  { cases }: GoldenFile,
  report: (result: GoldenResult) => void,
  check: (name: string, golden: unknown) => Promise<Checked>,
): Promise<void> {
  for (const [name, golden] of Object.entries(cases)) {
    const started = performance.now();
    const checked = await check(name, golden).catch(
      (error: unknown): Checked => ({
        deviation: Number.NaN,
        problems: [error instanceof Error ? error.message : String(error)],
      }),
    );
    report({ ...checked, name, seconds: (performance.now() - started) / 1000 });
  }
}
