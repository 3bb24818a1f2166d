/** Checking gradients against finite differences. */
import { isFloat } from "../../src/dtype.ts";
import { evaluate, grad, Tensor } from "../../src/index.ts";
import { uniform } from "./uniform.ts";

export interface GradcheckOptions {
  /** Step of the differences, along a direction with entries in [-1, 1). */
  readonly step?: number;
  /** Allowed error, relative to the norm of the gradient. */
  readonly tolerance?: number;
  /** Number of random directions. */
  readonly directions?: number;
}

/**
 * Checks the gradient of `fn` with respect to each float input along random directions v: gradient · v must
 * equal the slope of t ↦ fn(input + t v) at 0. A tensor result is reduced to a fixed weighted sum, taken in
 * float64 on the host, so that only the entries carry float32 rounding. The slope is the five-point
 * difference, with an error of O(step⁴): stay more than two steps away from kinks, or use a smaller step.
 *
 * @throws an error that names the input, the direction and both slopes
 */
export async function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<void> {
  const { step = 2 ** -5, tolerance = 2e-3, directions = 2 } = options;
  const wrt = inputs.flatMap((input, i) => (isFloat(input.dtype) ? [i] : []));
  const weighted = (...tensors: Tensor[]) => {
    const y = fn(...tensors);
    return y.mul(asTensor(uniform("gradcheck", y.size), y)).sum();
  };
  const gradients = grad(weighted, wrt)(...inputs);

  for (const [k, i] of wrt.entries()) {
    const [x, g] = [inputs[i] as Tensor, gradients[k] as Tensor];
    for (let d = 0; d < directions; d++) {
      const v = uniform(`direction ${d} of ${i}`, x.size);
      const at = [-2, -1, 1, 2].map((times) => {
        const moved = x.add(asTensor(v, x).mul(times * step));
        return fn(...inputs.map((input, j) => (j === i ? moved : input)));
      });
      await evaluate(g, ...at);
      const [b2, b1, a1, a2] = (await Promise.all(at.map(weightedSum))) as [number, number, number, number];
      const measured = (8 * (a1 - b1) - (a2 - b2)) / (12 * step);
      const values = await g.data();
      let [derived, square] = [0, 0];
      for (const [j, value] of values.entries()) {
        derived += Number(value) * (v[j] as number);
        square += Number(value) ** 2;
      }
      // `!(a <= b)` also catches NaN.
      if (!(Math.abs(derived - measured) <= tolerance * Math.max(1, Math.sqrt(square))))
        throw new Error(
          `gradcheck: input ${i} ${x}, direction ${d}: the gradient says ${derived}, differences say ${measured}`,
        );
    }
  }
}

function asTensor(values: Float64Array, like: Tensor): Tensor {
  return Tensor.fromArray(new Float32Array(values), like.shape).astype(like.dtype);
}

async function weightedSum(y: Tensor): Promise<number> {
  const data = await y.data();
  const weights = uniform("gradcheck", y.size);
  return weights.reduce((sum, weight, i) => sum + weight * Number(data[i]), 0);
}
