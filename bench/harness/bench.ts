/** The main program of every bench, from the command line to the final line of JSON. */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import type { Workload } from "../workloads/list.ts";
import { compete, type Options, type Result } from "./contest.ts";
import type { Entrant } from "./contestant.ts";
import { Progress } from "./progress.ts";
import { disagreement, type Goal, judge, machine, ratios, table } from "./report.ts";

export interface Bench {
  readonly name: string;
  readonly workloads: readonly Workload[];
  /** The contestants other than ours, in table order. */
  readonly peers: readonly string[];
  /** How to start a contestant; `undefined` if it is unavailable on this machine. */
  readonly entrant: (name: string) => Entrant | undefined;
  /** Whether a contestant takes part in a workload. Default: all do. */
  readonly takesPart?: (name: string, workload: string) => boolean;
  readonly goalsOf: (workload: string) => readonly Goal[];
  /** Allowed relative difference of a contestant's values from the reference; more means a different computation. */
  readonly tolerance: (name: string) => number;
  /** The contestant that the others' values are compared with. */
  readonly reference: string;
}

const ours = "tessera";

/** `[--only train.resnet18,matmul] [--peers tfjs,torch] [--quick]` */
export async function runBench(bench: Bench): Promise<void> {
  const { workloads, reference, takesPart = () => true } = bench;
  const { values: flags } = parseArgs({
    options: {
      only: { type: "string" },
      peers: { type: "string" },
      quick: { type: "boolean", default: false },
    },
  });
  const chosen = pick(flags.only, workloads, ({ name }) => name, "--only");
  const invited = pick(flags.peers, bench.peers, (name) => name, "--peers");
  const options: Options = flags.quick
    ? { rounds: 2, turnSeconds: 0.2, limitSeconds: 60 }
    : { rounds: 9, turnSeconds: 0.5, limitSeconds: 60 };

  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const goals = chosen.flatMap(({ name }) => bench.goalsOf(name));
  const entrants: Entrant[] = [ours, ...invited].flatMap((name) => bench.entrant(name) ?? []);
  const progress = new Progress(chosen.length);
  const results: Result[] = [];
  const about = new Map<string, string>();
  console.log(`${machine()}\n`);
  for (const workload of chosen) {
    progress.advance();
    const field = entrants.filter(({ name }) => takesPart(name, workload.name));
    const found = await compete(workload, field, options, progress);
    progress.end();
    console.log(table(found, reference));
    results.push(...found);
    for (const result of found) if (result.about) about.set(result.name, result.about);
  }
  for (const [name, text] of about) console.log(`${name}: ${text}`);

  const wrong = disagreements(bench, chosen, results);
  for (const text of wrong) console.log(`DISAGREES ${text}`);
  const measured = ratios(results, ours);
  const verdict = judge(goals, measured);
  for (const text of verdict.met) console.log(`met     ${text}`);
  for (const text of verdict.missed) console.log(`MISSED  ${text}`);
  for (const text of verdict.unmeasured) console.log(`no figure  ${text}`);
  console.log(JSON.stringify({ bench: bench.name, ratios: measured, goals: verdict }));
  if (wrong.length > 0 || results.some(({ name, reason }) => name === ours && reason)) process.exitCode = 1;
}

function disagreements(
  { reference, tolerance }: Bench,
  chosen: readonly Workload[],
  results: readonly Result[],
): string[] {
  return chosen.flatMap((workload) => {
    const [first, ...others] = results
      .filter((result) => result.workload === workload && !result.reason)
      .toSorted((a, b) => Number(b.name === reference) - Number(a.name === reference));
    return others.flatMap(({ name, value }) => {
      const difference = disagreement(value, first!.value);
      return difference <= Math.max(tolerance(name), tolerance(first!.name))
        ? []
        : [`${workload.name}: ${name} differs from ${first!.name} by ${difference.toExponential(1)}`];
    });
  });
}

/** `$TESSERA_PYTHON`, or else `python3`, if it can import the modules; otherwise prints a notice. */
export function python(...modules: readonly string[]): string | undefined {
  const program = process.env.TESSERA_PYTHON ?? "python3";
  if (spawnSync(program, ["-c", `import ${modules.join(", ")}`], { stdio: "ignore" }).status === 0)
    return program;
  console.error(
    `${program} cannot import ${modules.join(" and ")}: skipping PyTorch. Set TESSERA_PYTHON to another Python.`,
  );
  return undefined;
}

/** The items named in a comma-separated list, or all without one. */
function pick<T>(
  list: string | undefined,
  items: readonly T[],
  nameOf: (item: T) => string,
  flag: string,
): T[] {
  if (list === undefined) return [...items];
  const names = list.split(",").filter(Boolean);
  const unknown = names.find((name) => !items.some((item) => nameOf(item) === name));
  if (unknown !== undefined) {
    console.error(`${flag}: unknown "${unknown}"; choose from ${items.map(nameOf).join(", ")}`);
    process.exit(2);
  }
  return items.filter((item) => names.includes(nameOf(item)));
}
