/** What a network costs. */
import { Conv2d, Linear } from "@tessera-ml/nn";
import { type Shape, type Tensor, zeros } from "@tessera-ml/tensor";
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
