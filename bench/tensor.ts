/**
 * The tensor floor against TensorFlow.js, jax-js and PyTorch on the same shapes and data, two threads each.
 *
 *     npm run bench -- tensor [--only train.resnet18,matmul] [--peers tfjs,torch] [--quick]
 *
 * PyTorch takes part where `$TESSERA_PYTHON`, or else `python3`, can import it.
 * The last line of the output is one JSON object; its ratios are larger where Tessera is better.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compete, type Options, type Result } from "./harness/contest.ts";
import type { Entrant } from "./harness/contestant.ts";
import { Progress } from "./harness/progress.ts";
import { disagreement, type Goal, judge, machine, ratios, table } from "./harness/report.ts";
import { networks, workloads } from "./workloads/list.ts";

const threads = 2;
const ours = "tessera";
const reference = "torch";
const peers = ["tfjs", "jax", "torch"];
/** Contestants whose values differ by more have not computed the same thing. */
const tolerance = 1e-3;

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    peers: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});
const chosen = pick(flags.only, workloads, ({ name }) => name, "--only");
const invited = pick(flags.peers, peers, (name) => name, "--peers");
const options: Options = flags.quick
  ? { rounds: 2, turnSeconds: 0.2, limitSeconds: 60 }
  : { rounds: 9, turnSeconds: 0.5, limitSeconds: 60 };

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const goals = chosen.flatMap(({ name }) => goalsOf(name));
const entrants: Entrant[] = [ours, ...invited].flatMap((name) => entrant(name) ?? []);
const progress = new Progress(chosen.length);
const results: Result[] = [];
const about = new Map<string, string>();
console.log(`${machine()}\n`);
for (const workload of chosen) {
  progress.advance();
  const found = await compete(workload, entrants, options, progress);
  progress.end();
  console.log(table(found, reference));
  results.push(...found);
  for (const result of found) if (result.about) about.set(result.name, result.about);
}
for (const [name, text] of about) console.log(`${name}: ${text}`);

const wrong = disagreements();
for (const text of wrong) console.log(`DISAGREES ${text}`);
const measured = ratios(results, ours);
const verdict = judge(goals, measured);
for (const text of verdict.met) console.log(`met     ${text}`);
for (const text of verdict.missed) console.log(`MISSED  ${text}`);
for (const text of verdict.unmeasured) console.log(`no figure  ${text}`);
console.log(JSON.stringify({ bench: "tensor", ratios: measured, goals: verdict }));
if (wrong.length > 0 || results.some(({ name, reason }) => name === ours && reason)) process.exitCode = 1;

/** What we want to reach in training, inference and memory. */
function goalsOf(name: string): Goal[] {
  const goals: Goal[] = [
    {
      text: `peak memory of ${name} against PyTorch`,
      atLeast: 1 / 1.2,
      keys: [`memory.${name}.vs.torch`],
    },
  ];
  const { optimizer } = networks[name] ?? {};
  if (optimizer) {
    goals.push({
      text: `${name} against the faster TypeScript peer`,
      atLeast: 4,
      keys: [`${name}.vs.tfjs`, `${name}.vs.jax`],
    });
  }
  if (networks[name]) {
    goals.push({ text: `${name} against PyTorch`, atLeast: optimizer ? 1 : 1.3, keys: [`${name}.vs.torch`] });
  }
  return goals;
}

function disagreements(): string[] {
  return chosen.flatMap((workload) => {
    const [first, ...others] = results
      .filter((result) => result.workload === workload && !result.reason)
      .toSorted((a, b) => Number(b.name === reference) - Number(a.name === reference));
    return others.flatMap(({ name, value }) => {
      const difference = disagreement(value, first!.value);
      return difference <= tolerance
        ? []
        : [`${workload.name}: ${name} differs from ${first!.name} by ${difference.toExponential(1)}`];
    });
  });
}

function entrant(name: string): Entrant | undefined {
  const folder = join(import.meta.dirname, "peers");
  if (name !== "torch") {
    return { name, command: [process.execPath, join(folder, `${name}.ts`), `${threads}`] };
  }
  const python = process.env.TESSERA_PYTHON ?? "python3";
  if (spawnSync(python, ["-c", "import torch"], { stdio: "ignore" }).status !== 0) {
    console.error(`${python} cannot import torch: PyTorch takes no part. Name another in TESSERA_PYTHON.`);
    return undefined;
  }
  return { name, command: [python, join(folder, "torch_peer.py"), `${threads}`] };
}

/** The items whose names stand in a comma-separated list, all without one. */
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
    console.error(`${flag}: there is no "${unknown}"; choose from ${items.map(nameOf).join(", ")}`);
    process.exit(2);
  }
  return items.filter((item) => names.includes(nameOf(item)));
}
