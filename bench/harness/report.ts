import { cpus, loadavg, totalmem } from "node:os";
import type { Result } from "./contest.ts";

/** A target ratio; larger is better for us. */
export interface Goal {
  readonly text: string;
  readonly atLeast: number;
  /** Keys of ratios; the smallest one measured counts. */
  readonly keys: readonly string[];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Describes the machine and its load. */
export function machine(): string {
  const processors = cpus();
  return [
    processors[0]?.model ?? "unknown processor",
    `${processors.length} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `${process.platform}-${process.arch}`,
    `Node ${process.versions.node}`,
    `load ${loadavg()[0]!.toFixed(1)} at the start`,
  ].join(", ");
}

/**
 * The largest difference between two contestants' values (the loss of a training step, or fingerprints of
 * outputs), relative to the largest value.
 */
export function disagreement(value: readonly number[], reference: readonly number[]): number {
  if (value.length !== reference.length) return Number.POSITIVE_INFINITY;
  const largest = Math.max(...reference.map(Math.abs));
  const worst = Math.max(...value.map((v, i) => Math.abs(v - reference[i]!)));
  return Number.isNaN(worst) ? Number.POSITIVE_INFINITY : worst / largest;
}

/** The results of one workload as a text table. The others' values are compared with those of `reference`. */
export function table(results: readonly Result[], reference: string): string {
  const { workload } = results[0]!;
  const expected = (
    results.find(({ name, reason }) => name === reference && !reason) ?? results.find(({ reason }) => !reason)
  )?.value;
  const rows = [["", "ms (median)", "ms (min)", "GFLOP/s", "peak MB", "(idle MB)", "differs by"]];
  const reasons: string[] = [];
  for (const { name, ms, value, peakMemory, idleMemory, reason } of results) {
    if (reason) {
      rows.push([name, "unsupported", "", "", "", "", ""]);
      reasons.push(`  ${name}: ${reason}`);
      continue;
    }
    const middle = median(ms);
    rows.push([
      name,
      milliseconds(middle),
      milliseconds(Math.min(...ms)),
      (workload.flops / middle / 1e6).toFixed(1),
      megabytes(peakMemory),
      `(${megabytes(idleMemory)})`,
      disagreement(value, expected!).toExponential(1),
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
  return [workload.name, ...lines.map((line) => `  ${line.trimEnd()}`), ...reasons, ""].join("\n");
}

function megabytes(value: number | undefined): string {
  return value === undefined ? "?" : value.toFixed(0);
}

function milliseconds(value: number): string {
  return value < 100 ? value.toFixed(2) : value.toFixed(0);
}

/** `WORKLOAD.vs.PEER` and `memory.WORKLOAD.vs.PEER`: the peer's time and memory divided by ours. */
export function ratios(results: readonly Result[], ours: string): Record<string, number> {
  const out: Record<string, number> = {};
  for (const peer of results) {
    const our = results.find(({ workload, name }) => workload === peer.workload && name === ours);
    if (!our || our.reason || peer.reason || peer.name === ours) continue;
    const key = `${peer.workload.name}.vs.${peer.name}`;
    out[key] = round(median(peer.ms) / median(our.ms));
    if (peer.peakMemory && our.peakMemory) out[`memory.${key}`] = round(peer.peakMemory / our.peakMemory);
  }
  return out;
}

/** Rounds to three significant digits. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}

export type Verdict = Record<"met" | "missed" | "unmeasured", string[]>;

export function judge(goals: readonly Goal[], measured: Readonly<Record<string, number>>): Verdict {
  const verdict: Verdict = { met: [], missed: [], unmeasured: [] };
  for (const { text, atLeast, keys } of goals) {
    const found = keys.flatMap((key) => measured[key] ?? []);
    const worst = Math.min(...found);
    if (found.length === 0) verdict.unmeasured.push(text);
    else verdict[worst >= atLeast ? "met" : "missed"].push(`${text}: ${worst} (goal ${round(atLeast)})`);
  }
  return verdict;
}
