import { defineOp, type Operator } from "../graph/graph.ts";
import { normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, floating } from "./apply.ts";

const softmaxOp: Operator<{ axis: number }> = defineOp<{ axis: number }>({
  name: "softmax",
  infer: ([x]) => [x],
  emit: (g, [x], [y], { attrs }) => g.node("Softmax", [x], [y], { axis: attrs.axis }),
  gradient: ({ outputs: [y], attrs: { axis } }, [dy]) => [dy?.sub(dy.mul(y).sum(axis, true)).mul(y)],
});
const logSoftmaxOp: Operator<{ axis: number }> = defineOp<{ axis: number }>({
  name: "logSoftmax",
  infer: ([x]) => [x],
  emit: (g, [x], [y], { attrs }) => g.node("LogSoftmax", [x], [y], { axis: attrs.axis }),
  gradient: ({ outputs: [y], attrs: { axis } }, [dy]) => [dy?.sub(y.exp().mul(dy.sum(axis, true)))],
});

/** e^x / Σ e^x along `axis`, the last by default. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return apply(softmaxOp, [floating(x)], { axis: normalizeAxis(axis, x.rank) });
}
/** x − log Σ e^x along `axis`, the last by default. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return apply(logSoftmaxOp, [floating(x)], { axis: normalizeAxis(axis, x.rank) });
}
