/** Activation functions. */

import { CONTRIB } from "../graph/emitter.ts";
import { defineOp, type Operator } from "../graph/graph.ts";
import { float } from "../graph/onnx.ts";
import type { Tensor } from "../tensor.ts";
import { apply, floating } from "./apply.ts";
import { clamp, erf, sigmoid, softplus, tanh, unary, where } from "./elementwise.ts";

/** x for x > 0, slope·x below. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return where(x.greater(0), x, floating(x).mul(slope));
}
/** x for x > 0, weight·x below, with one weight for all channels or one per channel (axis 1). */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  const slope =
    weight.size === 1 || x.rank < 2
      ? weight
      : weight.reshape([weight.size, ...x.shape.slice(2).map(() => 1)]);
  return where(x.greater(0), x, x.mul(slope));
}
/** x for x > 0, alpha·(e^x − 1) below (Clevert et al. 2015). */
export function elu(x: Tensor, alpha = 1): Tensor {
  // The branch not taken must not overflow: 0·∞ in its gradient would be NaN.
  return where(x.greater(0), x, x.minimum(0).expm1().mul(alpha));
}
/** The self-normalising ELU (Klambauer et al. 2017). */
export function selu(x: Tensor): Tensor {
  return elu(x, 1.6732632423543772).mul(1.0507009873554805);
}

/** (1 + x)/2 for x in [−1, 1], in a single pass. */
const halfPlusHalfOp = unary("halfPlusHalf", "HardSigmoid", (dy) => dy.mul(0.5), {
  alpha: float(0.5),
  beta: float(0.5),
});

const geluOp: Operator<Record<string, never>> = defineOp<Record<string, never>>({
  name: "gelu",
  infer: ([x]) => [x],
  emit: (g, [x], [y], { inputs: [spec] }) => {
    if (!g.portable && spec.dtype === "float32") return g.node("Gelu", [x], [y], {}, CONTRIB);
    g.node("Gelu", [x], [y]);
  },
  gradient: ({ inputs: [x] }, [dy]) => {
    if (!dy) return [];
    // d/dx x·Φ(x) = Φ(x) + x·φ(x), in a = x/√2: (1 + erf a)/2 + a·e^(−a² − ln(π)/2).
    const a = x.mul(Math.SQRT1_2);
    const density = a
      .square()
      .rsub(-0.5 * Math.log(Math.PI))
      .exp();
    return [dy.mul(apply(halfPlusHalfOp, [erf(a)], {}).add(a.mul(density)))];
  },
});
/** x·Φ(x) (Hendrycks & Gimpel 2016): exact, or the tanh approximation. */
export function gelu(x: Tensor, options: { approximate?: "none" | "tanh" } = {}): Tensor {
  const input = floating(x);
  if (options.approximate !== "tanh") return apply(geluOp, [input], {});
  const inner = input
    .square()
    .mul(0.044715)
    .add(1)
    .mul(input)
    .mul(Math.sqrt(2 / Math.PI));
  return input.mul(0.5).mul(tanh(inner).add(1));
}
/** x·σ(x), also called swish. */
export function silu(x: Tensor): Tensor {
  return floating(x).mul(sigmoid(x));
}
/** x·tanh(softplus(x)) (Misra 2019). */
export function mish(x: Tensor): Tensor {
  return floating(x).mul(tanh(softplus(x)));
}
/** clamp(x/6 + 1/2, 0, 1). */
export function hardsigmoid(x: Tensor): Tensor {
  return clamp(floating(x).add(3), 0, 6).mul(1 / 6);
}
/** x·hardsigmoid(x) (Howard et al. 2019). */
export function hardswish(x: Tensor): Tensor {
  return floating(x).mul(hardsigmoid(x));
}
/** clamp(x, 0, 6). */
export function relu6(x: Tensor): Tensor {
  return clamp(x, 0, 6);
}
/** x / (1 + |x|). */
export function softsign(x: Tensor): Tensor {
  return floating(x).div(x.abs().add(1));
}
/** log σ(x), numerically stable. */
export function logSigmoid(x: Tensor): Tensor {
  return softplus(x.neg()).neg();
}
/** a·σ(b), where a and b are the two halves along `axis` (Dauphin et al. 2016). */
export function glu(x: Tensor, axis = -1): Tensor {
  const [a, b] = x.chunk(2, axis) as [Tensor, Tensor];
  return a.mul(sigmoid(b));
}
