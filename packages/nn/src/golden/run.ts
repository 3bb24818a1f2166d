/** What the golden checks of every system have in common: cases by name, each with a result. */
import type { Comparison } from "./probe.ts";

export interface GoldenFile {
  /** Where the file lies: some cases name others beside it. */
  readonly path: string;
  /** By name, as they are in the file, those to be checked only. */
  readonly cases: Readonly<Record<string, unknown>>;
}

/** What a check found out; `note` is for people: counts, sizes. */
export interface Checked extends Comparison {
  readonly note?: string;
}

export interface GoldenResult extends Checked {
  readonly name: string;
  readonly seconds: number;
}

/** A system's own: checks the cases of a file, one after the other. */
export type GoldenRunner = (file: GoldenFile, report: (result: GoldenResult) => void) => Promise<void>;

/** Runs `check` on each case; a case that throws has failed, and the others go on. */
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
