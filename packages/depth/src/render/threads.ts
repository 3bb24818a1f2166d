import type { Worker } from "node:worker_threads";
import { Image, Planes, type Size } from "@tessera-ml/media";
import type { RenderedPair, RenderOptions } from "./render.ts";

export interface RenderPairsOptions extends RenderOptions {
  /** Threads, default 2. */
  readonly threads?: number;
}

/** What a thread sends: images lose their class on the way. */
export interface RenderedBytes {
  readonly size: Size;
  readonly image: Uint8Array;
  readonly depth: Float32Array;
}

/**
 * Renders the pairs of seeds on several threads, in order; they equal those of `renderPair`. Node only.
 *
 * @throws Error if a thread fails
 */
export async function* renderPairs(
  seeds: readonly number[],
  options: RenderPairsOptions = {},
): AsyncGenerator<RenderedPair> {
  const { threads = 2, ...rest } = options;
  if (!Number.isInteger(threads) || threads < 1)
    throw new RangeError(`renderPairs: expected at least one thread, got ${threads}`);
  const { Worker: Thread } = await import("node:worker_threads");
  const script = new URL(import.meta.resolve("@tessera-ml/depth/render/worker"));
  const workers = Array.from(
    { length: Math.min(threads, seeds.length) },
    () => new Thread(script, { workerData: rest }),
  );
  try {
    // Every thread has one seed ahead, so that it works while pairs are consumed.
    const waiting: Promise<RenderedPair>[] = [];
    for (let next = 0; next < seeds.length || waiting.length > 0; ) {
      while (next < seeds.length && waiting.length < workers.length) {
        const answer = ask(workers[next % workers.length]!, seeds[next]!);
        answer.catch(() => {}); // thrown where it is awaited
        waiting.push(answer);
        next++;
      }
      yield await waiting.shift()!;
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, seed: number): Promise<RenderedPair> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      worker.off("message", done);
      worker.off("error", failed);
    };
    const done = ({ size: { width, height }, image, depth }: RenderedBytes) => {
      settle();
      resolve({ image: new Image(width, height, 3, image), depth: new Planes(1, height, width, depth) });
    };
    const failed = (cause: unknown) => {
      settle();
      reject(new Error(`renderPairs: seed ${seed} failed: ${String(cause)}`, { cause }));
    };
    worker.on("message", done);
    worker.on("error", failed);
    worker.postMessage(seed);
  });
}
