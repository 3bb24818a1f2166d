import type { Workload } from "../workloads/list.ts";
import { Contestant, type Entrant } from "./contestant.ts";
import type { Progress } from "./progress.ts";

export interface Options {
  /** Turns per contestant. */
  readonly rounds: number;
  /** A turn repeats the workload for about this long. */
  readonly turnSeconds: number;
  /** An iteration slower than this is not measured. */
  readonly limitSeconds: number;
}

export interface Result {
  readonly workload: Workload;
  readonly name: string;
  readonly about?: string;
  /** Why it was not measured. */
  readonly reason?: string;
  /** Duration of every timed iteration. */
  readonly ms: readonly number[];
  /** The result of the last warm-up iteration. */
  readonly value: readonly number[];
  readonly peakMemory?: number | undefined;
  /** Memory of the runtime and the library before any work. */
  readonly idleMemory?: number | undefined;
}

/** A contestant that is still in the race. */
interface Runner {
  readonly contestant: Contestant;
  readonly about: string;
  readonly idleMemory: number | undefined;
  readonly value: readonly number[];
  readonly seconds: number;
  readonly ms: number[];
}

/** Time limit of the first iteration, which may have to compile. */
const firstRunSeconds = 240;
/** Contestants slower than this per iteration take fewer turns. */
const slowSeconds = 5;
const slowRounds = 3;

/** Measures a workload for all entrants in alternation (A B C A B C …), one at a time. */
export async function compete(
  workload: Workload,
  entrants: readonly Entrant[],
  options: Options,
  progress: Progress,
): Promise<Result[]> {
  const results = new Map<string, Result>();
  const runners: Runner[] = [];
  const contestants: Contestant[] = [];

  function drop(name: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    progress.note(`${workload.name}: ${name}: ${reason}`);
    results.set(name, { workload, name, reason, ms: [], value: [] });
  }

  const stop = () => {
    for (const contestant of contestants) contestant.end();
  };
  process.on("exit", stop); // stopped (SIGSTOP) children would stay around forever
  try {
    for (const entrant of entrants) {
      progress.show(`${workload.name}: ${entrant.name} warms up`);
      const contestant = new Contestant(entrant);
      contestants.push(contestant);
      try {
        runners.push(await warmUp(contestant, workload, options));
      } catch (error) {
        contestant.end();
        drop(entrant.name, error);
      }
    }

    let left = runners.reduce(
      (sum, runner) => sum + rounds(runner, options) * turnSeconds(runner, options),
      0,
    );
    for (let round = 0; round < options.rounds; round++) {
      for (const runner of runners) {
        if (round >= rounds(runner, options) || results.has(runner.contestant.name)) continue;
        progress.show(
          `${workload.name}: round ${round + 1} of ${options.rounds}, ${runner.contestant.name}`,
          left,
        );
        try {
          const iterations = Math.max(1, Math.round(options.turnSeconds / runner.seconds));
          const request = { do: "run", iterations } as const;
          runner.ms.push(...(await runner.contestant.ask(request, "ms", iterations * options.limitSeconds)));
        } catch (error) {
          drop(runner.contestant.name, error);
        }
        left -= turnSeconds(runner, options);
      }
    }
    for (const { contestant, seconds: _, ...measured } of runners) {
      const { name } = contestant;
      if (results.has(name)) continue;
      results.set(name, { workload, name, ...measured, peakMemory: contestant.peakMemory() });
    }
  } finally {
    stop();
    process.off("exit", stop);
  }
  return entrants.map(({ name }) => results.get(name)!);
}

async function warmUp(contestant: Contestant, workload: Workload, options: Options): Promise<Runner> {
  const about = await contestant.ask({ do: "about" }, "about", firstRunSeconds);
  const idleMemory = contestant.peakMemory();
  await contestant.ask({ do: "prepare", workload: workload.name }, "ready", firstRunSeconds);
  let seconds = 0;
  for (let i = 0; i < workload.warmUp; i++) {
    const limit = i === 0 ? firstRunSeconds : 2 * options.limitSeconds;
    const [ms] = await contestant.ask({ do: "run", iterations: 1 }, "ms", limit);
    seconds = ms! / 1000;
    if (i > 0 && seconds > options.limitSeconds) {
      throw new Error(`${seconds.toFixed(0)} s per iteration, above the limit of ${options.limitSeconds} s`);
    }
  }
  const value = await contestant.ask({ do: "value" }, "value", firstRunSeconds);
  return { contestant, about, idleMemory, value, seconds, ms: [] };
}

function rounds({ seconds }: Runner, options: Options): number {
  return seconds > slowSeconds ? Math.min(slowRounds, options.rounds) : options.rounds;
}

function turnSeconds({ seconds }: Runner, options: Options): number {
  return Math.max(seconds, options.turnSeconds);
}
