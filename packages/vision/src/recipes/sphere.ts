import { type CommonOptions, type Grouped, type Module, Optimizer, orthogonalized } from "@tessera-ml/nn";
import type { Tensor, Variable } from "@tessera-ml/tensor";

export interface SphereOptions extends CommonOptions {
  /** Decay of the momentum buffer; the update always uses Nesterov's look-ahead. */
  readonly momentum: number;
  /** L2 penalty added to the gradient. Ignored for matrices, whose norm is fixed. */
  readonly weightDecay?: number;
  /** Whether the parameter is a matrix [R, ...] of fixed norm with orthogonalised updates. */
  readonly matrix?: boolean;
}

/**
 * Muon as in airbench (Jordan 2024): a convolution's weights are rescaled to norm √R before each step, so the
 * learning rate acts as an angle and no decay is needed. All other parameters are updated by SGD with
 * momentum.
 */
export class SphereMuon extends Optimizer<SphereOptions, Tensor | number> {
  protected readonly slots: readonly string[] = ["momentum_buffer"];

  constructor(target: Module, options: SphereOptions & Grouped<SphereOptions>) {
    super(target, options);
  }

  protected prepare(_: SphereOptions, lr: Tensor | number): Tensor | number {
    return lr;
  }
  protected step(
    path: string,
    parameter: Variable,
    gradient: Tensor,
    { momentum, weightDecay = 0, matrix = false }: SphereOptions,
    lr: Tensor | number,
  ): Tensor {
    const g = matrix || weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
    const state = this.state("momentum_buffer", path);
    const buffer = state.mul(momentum).add(g);
    state.assign(buffer);
    const direction = g.add(buffer.mul(momentum));
    if (!matrix) return parameter.sub(direction.mul(lr));
    const size = parameter.square().sum().sqrt();
    const [rows = 1] = parameter.shape;
    const turned = orthogonalized(direction.flatten(1), { steps: 3 }).reshape(parameter.shape);
    return parameter.mul(size.reciprocal().mul(Math.sqrt(rows))).sub(turned.mul(lr));
  }
}
