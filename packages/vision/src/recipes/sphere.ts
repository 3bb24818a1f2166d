import { type CommonOptions, type Grouped, type Module, Optimizer, orthogonalized } from "@tessera-ml/nn";
import type { Tensor, Variable } from "@tessera-ml/tensor";

export interface SphereOptions extends CommonOptions {
  /** How much of the last direction is kept; Nesterov's look ahead is always taken. */
  readonly momentum: number;
  /** Decay times the parameter is added to the gradient. Not for matrices, whose size is fixed. */
  readonly weightDecay?: number;
  /** Whether the parameter is a matrix [R, ...] of fixed size, and its direction is made orthogonal. */
  readonly matrix?: boolean;
}

/**
 * Muon as airbench has it (Jordan 2024): before each step a convolution's weights are brought to the norm √R,
 * so that the learning rate is an angle and no decay is needed; all else is moved by gradient descent with
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
