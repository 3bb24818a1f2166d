/** What a network costs. */
import { Conv2d, Linear } from "@tessera-ml/nn";
import { compile, type Shape, type Tensor, zeros } from "@tessera-ml/tensor";
import type { Network } from "./compare.ts";

/**
 * Multiply-accumulates of the convolutions and linear layers for one picture of [C, H, W]. Nothing is computed: the
 * layers are watched while a graph is built.
 */
export function countMacs(model: Network, shape: Shape): number {
  let macs = 0;
  for (const layer of model.namedModules().values()) {
    if (!(layer instanceof Conv2d || layer instanceof Linear)) continue;
    const forward = layer.forward.bind(layer);
    layer.forward = (x: Tensor): Tensor => {
      const y = forward(x);
      // Every output is a sum over one filter, [O, ...filter].
      macs += y.size * (layer.weight.size / (layer.weight.shape[0] as number));
      return y;
    };
  }
  model.eval().forward(zeros([1, ...shape]));
  return macs;
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
