import { createInterface } from "node:readline";

/** A workload prepared by a contestant. */
export interface Job {
  /** One iteration; its result is computed once the promise resolves. */
  run(): void | Promise<void>;
  /** Numbers from the last iteration that all contestants must agree on. */
  value(): number[] | Promise<number[]>;
}

export interface Peer {
  /** Name, version and number of threads. */
  readonly about: string;
  prepare(workload: string): Job | Promise<Job>;
}

export type Request =
  | { readonly do: "about" }
  | { readonly do: "prepare"; readonly workload: string }
  | { readonly do: "run"; readonly iterations: number }
  | { readonly do: "value" };

export type Answer =
  | { readonly about: string }
  | { readonly ready: true }
  | { readonly ms: readonly number[] }
  | { readonly value: readonly number[] }
  | { readonly error: string };

/** Serves requests, one JSON object per line on stdin and stdout, until stdin closes. */
export async function serve(peer: Peer): Promise<void> {
  console.log = console.error; // stdout is for answers
  let job: Job | undefined;

  async function answer(request: Request): Promise<Answer> {
    if (request.do === "about") return { about: peer.about };
    if (request.do === "prepare") {
      job = await peer.prepare(request.workload);
      return { ready: true };
    }
    if (job === undefined) throw new Error(`"${request.do}" before "prepare"`);
    if (request.do === "value") return { value: await job.value() };
    const ms: number[] = [];
    for (let i = 0; i < request.iterations; i++) {
      const start = performance.now();
      await job.run();
      ms.push(performance.now() - start);
    }
    return { ms };
  }

  for await (const line of createInterface({ input: process.stdin })) {
    let reply: Answer;
    try {
      reply = await answer(JSON.parse(line) as Request);
    } catch (error) {
      console.error(error);
      reply = { error: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0); // a peer's worker threads would keep the process alive
}
