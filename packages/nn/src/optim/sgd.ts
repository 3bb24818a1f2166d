import type { Tensor, Variable } from "@tessera-ml/tensor";
import { where } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";
import { type CommonOptions, type Grouped, Optimizer, type Scalar } from "./optimizer.ts";

export interface SGDOptions extends CommonOptions {
  /** Decay rate of the momentum buffer. Default 0. */
  readonly momentum?: number;
  /** Share of a gradient that does not enter the momentum buffer. Default 0. */
  readonly dampening?: number;
  /** Nesterov momentum (Sutskever et al. 2013). */
  readonly nesterov?: boolean;
  /** L2 penalty: decay times the parameter is added to the gradient. Default 0. */
  readonly weightDecay?: number;
}
interface Shared {
  readonly lr: Scalar;
  /** Share of a gradient that enters the momentum buffer; 1 at the first update. */
  readonly entering: Scalar;
}

/** Stochastic gradient descent, as in PyTorch. */
export class SGD extends Optimizer<SGDOptions, Shared> {
  protected readonly slots: readonly string[] = ["momentum_buffer"];

  constructor(target: Module | ReadonlyMap<string, Variable>, options: SGDOptions & Grouped<SGDOptions>) {
    super(target, options);
    const { nesterov = false, momentum = 0, dampening = 0 } = options;
    if (nesterov && (momentum <= 0 || dampening !== 0))
      throw new Error("SGD: nesterov needs a momentum and no dampening");
  }

  protected prepare({ dampening = 0 }: SGDOptions, lr: Scalar, count: Tensor): Shared {
    return { lr, entering: dampening === 0 ? 1 : where(count.equal(1), 1, 1 - dampening) };
  }
  protected step(
    path: string,
    parameter: Variable,
    gradient: Tensor,
    options: SGDOptions,
    { lr, entering }: Shared,
  ): Tensor {
    const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
    const g = weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
    let direction = g;
    if (momentum !== 0) {
      const state = this.state("momentum_buffer", path);
      const buffer = state.mul(momentum).add(entering === 1 ? g : g.mul(entering));
      state.assign(buffer);
      direction = nesterov ? g.add(buffer.mul(momentum)) : buffer;
    }
    return parameter.sub(direction.mul(lr));
  }
}
