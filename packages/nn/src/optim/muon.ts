import type { Tensor, Variable } from "@tessera-ml/tensor";
import { Embedding } from "../layers/embedding.ts";
import { Module } from "../module.ts";
import { matches, type Pattern } from "../tree.ts";
import { type AdamOptions, type AdamScalars, adamScalars, adamSlots, adamStep } from "./adam.ts";
import { orthogonalized } from "./newton-schulz.ts";
import { type CommonOptions, type Grouped, Optimizer, type Scalar } from "./optimizer.ts";

export interface MuonOptions extends CommonOptions {
  /** Decay rate of the running mean of gradients. Default 0.95. */
  readonly momentum?: number;
  /** Nesterov momentum; default true. */
  readonly nesterov?: boolean;
  /** Newton–Schulz iterations; default 5. */
  readonly steps?: number;
  /** Decoupled weight decay, multiplied by the learning rate. Default 0. */
  readonly weightDecay?: number;
  /**
   * Scale of the update of a matrix [R, C]: √max(1, R/C) (default, Jordan et al. 2024), or
   * 0.2·√max(R, C), which allows AdamW's learning rates to be reused (Liu et al. 2025).
   */
  readonly scale?: "spectral" | "likeAdam";
  /** Set for parameters that AdamW updates instead. */
  readonly adam?: AdamOptions;
}

type Shared =
  | { readonly muon: true; readonly lr: Scalar; readonly keep: Scalar }
  | { readonly muon: false; readonly scalars: AdamScalars };

/**
 * Momentum with orthogonalized updates for the hidden matrices of a network; AdamW for everything else
 * (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"). Convolution weights
 * are treated as matrices [O, C·kH·kW].
 */
export class Muon extends Optimizer<MuonOptions, Shared> {
  protected readonly slots: readonly string[];

  /**
   * @param options `lr` defaults to 0.02. `matrices` selects the parameters Muon updates: by default all with
   *   at least two axes that are not embeddings. The output layer should be excluded too:
   *   `matrices: (path, p) => p.rank >= 2 && !path.startsWith("head")`. `rest` are the AdamW options
   *   for all others, with a default learning rate of 3e-4.
   */
  constructor(
    target: Module | ReadonlyMap<string, Variable>,
    options: Partial<Omit<MuonOptions, "adam">> & {
      readonly matrices?: Pattern;
      readonly rest?: Partial<AdamOptions>;
    } & Grouped<MuonOptions> = {},
  ) {
    const { matrices = inside(target), rest = {}, groups = [], ...own } = options;
    const adam: AdamOptions = { lr: 3e-4, weightDecay: 0.01, ...rest };
    const others: Pattern = (path, variable) => !matches(matrices, path, variable);
    const parameters = target instanceof Module ? target.parameters() : target;
    const some = [...parameters].some(([path, variable]) => others(path, variable));
    super(target, {
      lr: 0.02,
      ...own,
      groups: [...(some ? [{ match: others, adam, lr: adam.lr }] : []), ...groups],
    });
    this.slots = ["momentum_buffer", ...adamSlots(adam, ...groups.map((group) => group.adam ?? {}))];
  }

  protected prepare(options: MuonOptions, lr: Scalar, count: Tensor): Shared {
    const { adam, weightDecay = 0 } = options;
    if (adam) return { muon: false, scalars: adamScalars(adam, lr, count, adam.weightDecay ?? 0) };
    const keep = typeof lr === "number" ? 1 - lr * weightDecay : lr.mul(-weightDecay).add(1);
    return { muon: true, lr, keep: weightDecay === 0 ? 1 : keep };
  }
  protected step(
    path: string,
    parameter: Variable,
    gradient: Tensor,
    options: MuonOptions,
    shared: Shared,
  ): Tensor {
    const { momentum = 0.95, nesterov = true, steps = 5, scale = "spectral", adam = { lr: 0 } } = options;
    if (!shared.muon)
      return adamStep(parameter, gradient, (slot) => this.state(slot, path), adam, shared.scalars);
    const state = this.state("momentum_buffer", path);
    const mean = state.mul(momentum).add(gradient.mul(1 - momentum));
    state.assign(mean);
    const direction = nesterov ? mean.mul(momentum).add(gradient.mul(1 - momentum)) : mean;
    const matrix = direction.flatten(1);
    const [rows, columns] = matrix.shape as [number, number];
    const size =
      scale === "spectral"
        ? Math.sqrt(Math.max(1, rows / columns))
        : 0.2 * Math.sqrt(Math.max(rows, columns));
    const rate = typeof shared.lr === "number" ? shared.lr * size : shared.lr.mul(size);
    const update = orthogonalized(matrix, { steps }).mul(rate).reshape(parameter.shape);
    return (shared.keep === 1 ? parameter : parameter.mul(shared.keep)).sub(update);
  }
}

/** Parameters with at least two axes, except embedding tables. */
function inside(target: Module | ReadonlyMap<string, Variable>): Pattern {
  const tables = new Set<Variable>();
  if (target instanceof Module)
    for (const module of target.namedModules().values())
      if (module instanceof Embedding) tables.add(module.weight);
  return (_, variable) => variable.rank >= 2 && !tables.has(variable);
}
