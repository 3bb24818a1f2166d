import type { Tensor, Variable } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";
import { type CommonOptions, type Grouped, Optimizer, type Scalar } from "./optimizer.ts";

export interface AdamOptions extends CommonOptions {
  /** Decay rates of the running means of gradients and of squared gradients. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root mean square. Default 1e-8. */
  readonly eps?: number;
  readonly weightDecay?: number;
  /** Divides by the root of the largest mean square so far instead of the current one (Reddi et al. 2018). */
  readonly amsgrad?: boolean;
}

/** The scalars of a step: p ← p·keep − rate·m / (√v + eps). */
export interface AdamScalars {
  readonly rate: Tensor;
  readonly eps: Tensor;
  readonly keep: Scalar;
}

/**
 * The bias corrections of Kingma & Ba 2015, section 2, with that of v moved out of the root, which saves one
 * pass over the parameter.
 */
export function adamScalars(options: AdamOptions, lr: Scalar, count: Tensor, decay: number): AdamScalars {
  const { betas = [0.9, 0.999], eps = 1e-8 } = options;
  // 1 − beta^t, without the cancellation in float32 for beta near 1.
  const correction = (beta: number) => count.mul(Math.log(beta)).expm1().neg();
  const root = correction(betas[1]).sqrt();
  const rate = root.div(correction(betas[0])).mul(lr);
  const keep = typeof lr === "number" ? 1 - lr * decay : decay === 0 ? 1 : lr.mul(-decay).add(1);
  return { rate, eps: root.mul(eps), keep };
}

/** One step for one parameter: updates its means m and v, looked up with `state`, and returns its new value. */
export function adamStep(
  parameter: Tensor,
  gradient: Tensor,
  state: (slot: string) => Variable,
  { betas = [0.9, 0.999], amsgrad = false }: AdamOptions,
  { rate, eps, keep }: AdamScalars,
): Tensor {
  const [m, v] = [state("exp_avg"), state("exp_avg_sq")];
  const mean = m.mul(betas[0]).add(gradient.mul(1 - betas[0]));
  const square = v.mul(betas[1]).add(gradient.square().mul(1 - betas[1]));
  m.assign(mean);
  v.assign(square);
  let largest = square;
  if (amsgrad) {
    const most = state("max_exp_avg_sq");
    largest = most.maximum(square);
    most.assign(largest);
  }
  const kept = keep === 1 ? parameter : parameter.mul(keep);
  return kept.sub(mean.div(largest.sqrt().add(eps)).mul(rate));
}

/** The names of the state `adamStep` keeps for parameters with these options. */
export function adamSlots(...options: readonly { readonly amsgrad?: boolean }[]): string[] {
  const slots = ["exp_avg", "exp_avg_sq"];
  return options.some(({ amsgrad }) => amsgrad) ? [...slots, "max_exp_avg_sq"] : slots;
}

abstract class Moments extends Optimizer<AdamOptions, AdamScalars> {
  protected readonly slots: readonly string[];

  constructor(target: Module | ReadonlyMap<string, Variable>, options: AdamOptions & Grouped<AdamOptions>) {
    super(target, options);
    this.slots = adamSlots(options, ...(options.groups ?? []));
  }

  protected move(
    path: string,
    parameter: Variable,
    gradient: Tensor,
    options: AdamOptions,
    shared: AdamScalars,
  ): Tensor {
    return adamStep(parameter, gradient, (slot) => this.state(slot, path), options, shared);
  }
}

/** Adam (Kingma & Ba 2015); weight decay is added to the gradient. */
export class Adam extends Moments {
  /** `lr` defaults to 1e-3. */
  constructor(
    target: Module | ReadonlyMap<string, Variable>,
    options: Partial<AdamOptions> & Grouped<AdamOptions> = {},
  ) {
    super(target, { lr: 1e-3, ...options });
  }
  protected prepare(options: AdamOptions, lr: Scalar, count: Tensor): AdamScalars {
    return adamScalars(options, lr, count, 0);
  }
  protected step(
    path: string,
    p: Variable,
    gradient: Tensor,
    options: AdamOptions,
    shared: AdamScalars,
  ): Tensor {
    const { weightDecay = 0 } = options;
    const g = weightDecay === 0 ? gradient : gradient.add(p.mul(weightDecay));
    return this.move(path, p, g, options, shared);
  }
}

/** Adam with decoupled weight decay, 0.01 by default (Loshchilov & Hutter 2019). */
export class AdamW extends Moments {
  /** `lr` defaults to 1e-3. */
  constructor(
    target: Module | ReadonlyMap<string, Variable>,
    options: Partial<AdamOptions> & Grouped<AdamOptions> = {},
  ) {
    super(target, { lr: 1e-3, weightDecay: 0.01, ...options });
  }
  protected prepare(options: AdamOptions, lr: Scalar, count: Tensor): AdamScalars {
    return adamScalars(options, lr, count, options.weightDecay ?? 0);
  }
  protected step(
    path: string,
    p: Variable,
    gradient: Tensor,
    options: AdamOptions,
    shared: AdamScalars,
  ): Tensor {
    return this.move(path, p, gradient, options, shared);
  }
}
