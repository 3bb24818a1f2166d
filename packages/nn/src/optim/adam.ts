import type { Tensor, Variable } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";
import { type CommonOptions, type Grouped, Optimizer, type Scalar } from "./optimizer.ts";

export interface AdamOptions extends CommonOptions {
  /** How much of the running means of gradients and of their squares is kept. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the mean square. Default 1e-8. */
  readonly eps?: number;
  readonly weightDecay?: number;
}

/** The scalars of a step: p ← p·keep − rate·m / (√v + eps). */
export interface AdamScalars {
  readonly rate: Tensor;
  readonly eps: Tensor;
  readonly keep: Scalar;
}

/**
 * The bias corrections of Kingma & Ba 2015, section 2, with that of v moved out of the root: one pass
 * over the parameter less than as it is usually written.
 */
export function adamScalars(options: AdamOptions, lr: Scalar, count: Tensor, decay: number): AdamScalars {
  const { betas = [0.9, 0.999], eps = 1e-8 } = options;
  // 1 − beta^t, without the cancellation that float32 would have for beta near 1.
  const correction = (beta: number) => count.mul(Math.log(beta)).expm1().neg();
  const root = correction(betas[1]).sqrt();
  const rate = root.div(correction(betas[0])).mul(lr);
  const keep = typeof lr === "number" ? 1 - lr * decay : decay === 0 ? 1 : lr.mul(-decay).add(1);
  return { rate, eps: root.mul(eps), keep };
}

/** One step for one parameter: assigns its means m and v, returns its new value. */
export function adamStep(
  parameter: Tensor,
  gradient: Tensor,
  [m, v]: readonly [Variable, Variable],
  { betas = [0.9, 0.999] }: AdamOptions,
  { rate, eps, keep }: AdamScalars,
): Tensor {
  const mean = m.mul(betas[0]).add(gradient.mul(1 - betas[0]));
  const square = v.mul(betas[1]).add(gradient.square().mul(1 - betas[1]));
  m.assign(mean);
  v.assign(square);
  const kept = keep === 1 ? parameter : parameter.mul(keep);
  return kept.sub(mean.div(square.sqrt().add(eps)).mul(rate));
}

abstract class Moments extends Optimizer<AdamOptions, AdamScalars> {
  protected readonly slots: readonly string[] = ["exp_avg", "exp_avg_sq"];

  protected moments(path: string): [Variable, Variable] {
    return [this.state("exp_avg", path), this.state("exp_avg_sq", path)];
  }
}

/** Adam (Kingma & Ba 2015); weight decay is added to the gradient. */
export class Adam extends Moments {
  /** `lr` by default is 1e-3. */
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
    return adamStep(p, g, this.moments(path), options, shared);
  }
}

/** Adam whose weight decay, 0.01 by default, shrinks the parameters themselves (Loshchilov & Hutter 2019). */
export class AdamW extends Moments {
  /** `lr` by default is 1e-3. */
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
    return adamStep(p, gradient, this.moments(path), options, shared);
  }
}
