/** Compute cost of a network. */
import { countMacs as macsBetween } from "@tessera-ml/nn/inspect";
import { compile, type Shape, type Tensor, zeros } from "@tessera-ml/tensor";
import type { Network } from "./compare.ts";

/** Multiply-accumulates for one image of [C, H, W], counted in the graph without running it. */
export function countMacs(model: Network, shape: Shape): number {
  const x = zeros([1, ...shape]);
  return macsBetween([model.eval().forward(x)], [x]);
}

/**
 * Milliseconds per image of [C, H, W] in inference, for each network. Takes the best of many batches of 4, since runs
 * that short are rarely interrupted. Networks take turns, so that other load on the machine affects all alike.
 */
export async function inferenceTimes(models: readonly Network[], shape: Shape): Promise<number[]> {
  const batch = zeros([4, ...shape]);
  const runs = models.map((model) => {
    model.eval();
    return compile((x: Tensor) => model.forward(x), { freeze: true });
  });
  const best = models.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < 100; round++)
    for (const [i, run] of runs.entries()) {
      const start = performance.now();
      await run(batch).data();
      best[i] = Math.min(best[i] as number, performance.now() - start);
    }
  for (const run of runs) run.release();
  return best.map((time) => time / 4);
}
