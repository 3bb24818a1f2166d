/** What a network costs. */
import { compile, type Shape, type Tensor, zeros } from "@tessera-ml/tensor";
import { walk } from "../inspect/walk.ts";
import type { Network } from "./compare.ts";

/** Multiply-accumulates for one picture of [C, H, W]. Nothing is computed: the graph is built and looked at. */
export function countMacs(model: Network, shape: Shape): number {
  const x = zeros([1, ...shape]);
  const { costs } = walk([model.eval().forward(x)], x.value);
  return costs.reduce((sum, { macs }) => sum + macs, 0);
}

/** Milliseconds that a picture of [C, H, W] takes in inference, the best of several batches of 32. */
export async function inferenceTime(model: Network, shape: Shape): Promise<number> {
  model.eval();
  const predict = compile((x: Tensor) => model.forward(x), { freeze: true });
  const batch = zeros([32, ...shape]);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 12; i++) {
    const start = performance.now();
    await predict(batch).data();
    // The first makes the session.
    if (i > 0) best = Math.min(best, performance.now() - start);
  }
  predict.release();
  return best / 32;
}
