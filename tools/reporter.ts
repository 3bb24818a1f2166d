import type { Reporter, TestModule } from "vitest/node";

/** Prints the totals on the last line, for people and scripts that read only that. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const totals = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      // A file that fails to load, or a hook that throws, fails no test, so it is counted itself.
      for (const suite of [module, ...module.children.allSuites()]) {
        if (suite.errors().length > 0) totals.failed++;
      }
      for (const test of module.children.allTests()) totals[test.result().state]++;
    }
    const skipped = totals.skipped + totals.pending;
    console.log(`${totals.passed} passed, ${totals.failed} failed, ${skipped} skipped`);
  }
}
