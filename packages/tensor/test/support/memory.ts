/** How much memory the process holds, for the tests that it stays flat (Node). */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Collects what is garbage by now. */
export const collect = runInNewContext("gc") as () => void;

/** Resident memory, in bytes, once all that is garbage was collected. */
export async function resident(): Promise<number> {
  // Finalizers are called between turns of the event loop.
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage.rss();
}

/**
 * By how many bytes a further `round` of work lets memory grow, after one to warm up. A leak grows every
 * time; an allocator that takes more for its pools once does not: the smallest of four rounds counts, and
 * the first below `limit` is the last.
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
