import type { Tensor } from "@tessera-ml/tensor";
import { Module } from "../module.ts";

/** A module or function from one tensor to one tensor. */
export type Layer = (Module & { forward(x: Tensor): Tensor }) | ((x: Tensor) => Tensor);

/**
 * Layers applied in sequence. Their paths are their indices, as in PyTorch; functions count too.
 *
 * @example
 * const net = new Sequential(new Linear(2, 16), tanh, new Linear(16, 1));
 * net.stateDict(); // 0.weight, 0.bias, 2.weight, 2.bias
 */
export class Sequential extends Module {
  readonly [index: number]: Layer;
  readonly length: number;

  constructor(...layers: readonly Layer[]) {
    super();
    Object.assign(this, layers);
    this.length = layers.length;
  }
  *[Symbol.iterator](): Generator<Layer> {
    for (let i = 0; i < this.length; i++) yield this[i] as Layer;
  }
  forward(x: Tensor): Tensor {
    let y = x;
    for (const layer of this) y = typeof layer === "function" ? layer(y) : layer.forward(y);
    return y;
  }
}
