/** Clipping and accumulation of gradients. */
import {
  buffer,
  fromArray,
  type Gradients,
  scalar,
  type Tensor,
  type Variable,
  zerosLike,
} from "@tessera-ml/tensor";

/** The norm of all gradients concatenated; `p` is 2 (default), 1 or Infinity. */
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
 * Scales all gradients by a common factor so that their norm is at most `most` (Pascanu et al. 2013), and
 * returns the original norm as well.
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

/** Clamps every entry to [-most, most]. */
export function clipGradValue(grads: Gradients, most: number): Gradients {
  return mapGradients(grads, (g) => g.clamp(-most, most));
}

export function mapGradients(grads: Gradients, fn: (gradient: Tensor, path: string) => Tensor): Gradients {
  return new Map([...grads].map(([path, gradient]) => [path, fn(gradient, path)]));
}

/**
 * Accumulates gradients over several batches, for updates whose samples do not fit into memory at once. `add`
 * accumulates the gradients of a batch; `take` returns the mean including those of the last batch, and resets the sums.
 *
 * For a mean loss, pass the number of `samples` so that each batch is weighted by its size: micro-batches of 4 and 3
 * then give the gradients of one batch of 7. Without `samples` all batches have the same weight.
 *
 * @example
 * const accumulator = new GradientAccumulator(4);
 * const step = compile((x: Tensor, y: Tensor, last: boolean) => {
 *   const { value, grads } = valueAndGrad(net, () => crossEntropy(net.forward(x), y));
 *   if (last) optimizer.update(accumulator.take(grads, x.shape[0]));
 *   else accumulator.add(grads, x.shape[0]);
 *   return value;
 * });
 */
export class GradientAccumulator {
  /** Number of batches per update; if 1, `take` returns the gradients unchanged. */
  readonly count: number;
  readonly #sums = new Map<string, Variable>();
  /** Number of samples in the sums. */
  readonly #samples: Variable = buffer(fromArray(new Float32Array(1), []));

  constructor(count: number) {
    if (!Number.isInteger(count) || count < 1)
      throw new Error(`GradientAccumulator: expected a positive integer number of batches, got ${count}`);
    this.count = count;
  }
  add(grads: Gradients, samples: number | Tensor = 1): void {
    for (const [path, gradient] of grads) {
      const sum = this.#sum(path, gradient);
      sum.assign(sum.add(gradient.astype("float32").mul(samples)));
    }
    this.#samples.assign(this.#samples.add(samples));
  }
  take(grads: Gradients, samples: number | Tensor = 1): Gradients {
    if (this.count === 1) return grads;
    const total = this.#samples.add(samples);
    const means = mapGradients(grads, (gradient, path) => {
      const sum = this.#sum(path, gradient);
      const mean = sum.add(gradient.astype("float32").mul(samples)).div(total);
      sum.assign(zerosLike(sum));
      return mean;
    });
    this.#samples.assign(zerosLike(this.#samples));
    return means;
  }
  /** The sums so far and their number of samples, for checkpoints between updates. */
  stateDict(): Map<string, Variable> {
    return new Map([["samples", this.#samples], ...this.#sums]);
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
