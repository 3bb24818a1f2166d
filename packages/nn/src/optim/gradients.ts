/** What may be done to gradients before an optimizer takes them. */
import {
  buffer,
  fromArray,
  type Gradients,
  scalar,
  type Tensor,
  type Variable,
  zerosLike,
} from "@tessera-ml/tensor";

/** The norm of all gradients as one vector; `p` may be 2 (default), 1 or Infinity. */
export function gradientNorm(grads: Gradients, options: { p?: 1 | 2 | typeof Infinity } = {}): Tensor {
  const { p = 2 } = options;
  const parts = [...grads.values()].map((g) =>
    p === 2 ? g.square().sum() : p === 1 ? g.abs().sum() : g.abs().max(),
  );
  if (parts.length === 0) return scalar(0);
  const total = parts.reduce((a, b) => (p === Number.POSITIVE_INFINITY ? a.maximum(b) : a.add(b)));
  return p === 2 ? total.sqrt() : total;
}

/**
 * Scales all gradients by one factor so that their norm is at most `most` (Pascanu et al. 2013), and
 * gives the norm that they had.
 */
export function clipGradNorm(
  grads: Gradients,
  most: number,
  options: { p?: 1 | 2 | typeof Infinity } = {},
): { grads: Gradients; norm: Tensor } {
  const norm = gradientNorm(grads, options);
  const factor = norm.add(1e-6).rdiv(most).minimum(1);
  return { grads: mapGradients(grads, (g) => g.mul(factor)), norm };
}

/** Limits every entry to [-most, most]. */
export function clipGradValue(grads: Gradients, most: number): Gradients {
  return mapGradients(grads, (g) => g.clamp(-most, most));
}

export function mapGradients(grads: Gradients, fn: (gradient: Tensor, path: string) => Tensor): Gradients {
  return new Map([...grads].map(([path, gradient]) => [path, fn(gradient, path)]));
}

/**
 * Sums gradients over several steps, for batches that do not fit into memory at once. `add` keeps those
 * of a step; `take` gives the mean of what was added, with those of the last step, and starts again.
 *
 * @example
 * const accumulator = new GradientAccumulator(4);
 * const step = compile((x: Tensor, y: Tensor, last: boolean) => {
 *   const { value, grads } = valueAndGrad(net, () => crossEntropy(net.forward(x), y));
 *   if (last) optimizer.update(accumulator.take(grads));
 *   else accumulator.add(grads);
 *   return value;
 * });
 */
export class GradientAccumulator {
  /** How many steps make one update. */
  readonly count: number;
  readonly #sums = new Map<string, Variable>();

  constructor(count: number) {
    if (!Number.isInteger(count) || count < 1)
      throw new Error(`GradientAccumulator: expected a whole number of steps from 1 on, got ${count}`);
    this.count = count;
  }
  add(grads: Gradients): void {
    for (const [path, gradient] of grads) {
      const sum = this.#sum(path, gradient);
      sum.assign(sum.add(gradient));
    }
  }
  take(grads: Gradients): Gradients {
    return mapGradients(grads, (gradient, path) => {
      if (this.count === 1) return gradient;
      const sum = this.#sum(path, gradient);
      const mean = sum.add(gradient).mul(1 / this.count);
      sum.assign(zerosLike(gradient));
      return mean;
    });
  }
  /** The sums so far, for checkpoints in between. */
  stateDict(): Map<string, Variable> {
    return new Map(this.#sums);
  }

  #sum(path: string, gradient: Tensor): Variable {
    let sum = this.#sums.get(path);
    if (!sum) {
      sum = buffer(fromArray(new Float32Array(gradient.size), gradient.shape));
      this.#sums.set(path, sum);
    }
    return sum;
  }
}
