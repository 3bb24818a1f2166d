/** Memory use of the process (Node), for tests that it stays flat. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Forces a garbage collection. */
export const collect = runInNewContext("gc") as () => void;

/** Resident memory in bytes, after garbage collection. */
export async function resident(): Promise<number> {
  // Finalizers run between turns of the event loop.
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage.rss();
}

/**
 * The growth of memory in bytes over one `round` of work, after a warm-up round. A leak grows every time, an
 * allocator's pool only once, so the smallest of up to four rounds counts. Stops early below `limit`.
 */
export async function growth(limit: number, round: () => Promise<unknown>): Promise<number> {
  await round();
  let smallest = Number.POSITIVE_INFINITY;
  let before = await resident();
  for (let i = 0; i < 4 && smallest >= limit; i++) {
    await round();
    const after = await resident();
    smallest = Math.min(smallest, after - before);
    before = after;
  }
  return smallest;
}
