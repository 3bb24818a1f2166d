import type { Tensor, Variable } from "@tessera-ml/tensor";
import { Embedding } from "../layers/embedding.ts";
import { Module } from "../module.ts";
import { matches, type Pattern } from "../tree.ts";
import { type AdamOptions, type AdamScalars, adamScalars, adamSlots, adamStep } from "./adam.ts";
import { orthogonalized } from "./newton-schulz.ts";
import { type CommonOptions, type Grouped, Optimizer, type Scalar } from "./optimizer.ts";

export interface MuonOptions extends CommonOptions {
  /** How much of the running mean of gradients is kept. Default 0.95. */
  readonly momentum?: number;
  /** Looks ahead along the mean; default true. */
  readonly nesterov?: boolean;
  /** Steps of the orthogonalising iteration; default 5. */
  readonly steps?: number;
  /** Shrinks the parameters themselves: decay times the learning rate. Default 0. */
  readonly weightDecay?: number;
  /**
   * How the update grows with the matrix [R, C]: √max(1, R/C) (default, Jordan et al. 2024), or
   * 0.2·√max(R, C), with which learning rates of AdamW fit (Liu et al. 2025).
   */
  readonly scale?: "spectral" | "likeAdam";
  /** Set for the parameters that AdamW updates instead. */
  readonly adam?: AdamOptions;
}

type Shared =
  | { readonly muon: true; readonly lr: Scalar; readonly keep: Scalar }
  | { readonly muon: false; readonly scalars: AdamScalars };

/**
 * Momentum whose direction is made orthogonal, for the matrices inside a network; AdamW for all else
 * (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"). Convolution weights
 * are taken as matrices [O, C·kH·kW].
 */
export class Muon extends Optimizer<MuonOptions, Shared> {
  protected readonly slots: readonly string[];

  /**
   * @param options `lr` is 0.02 by default. `matrices` says which parameters Muon updates: by default those
   *   of two axes or more that are no embedding. The output layer should be left out too:
   *   `matrices: (path, p) => p.rank >= 2 && !path.startsWith("head")`. `rest` are the options of AdamW
   *   for the others, with a learning rate of 3e-4 by default.
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

/** Parameters of two axes or more, without the tables of embeddings. */
function inside(target: Module | ReadonlyMap<string, Variable>): Pattern {
  const tables = new Set<Variable>();
  if (target instanceof Module)
    for (const module of target.namedModules().values())
      if (module instanceof Embedding) tables.add(module.weight);
  return (_, variable) => variable.rank >= 2 && !tables.has(variable);
}
