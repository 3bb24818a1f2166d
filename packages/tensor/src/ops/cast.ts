import { type DType, isFloat, ONNX_TYPE } from "../dtype.ts";
import { defineOp } from "../graph/graph.ts";
import type { Tensor } from "../tensor.ts";
import { apply } from "./apply.ts";

const cast = defineOp<{ dtype: DType }>({
  name: "cast",
  infer: ([x], { dtype }) => [{ dtype, shape: x.shape }],
  emit: (g, [x], [y], { attrs }) => {
    // A cast to bool is "not zero"; from float to int ONNX Runtime truncates toward zero, as PyTorch does.
    g.node("Cast", [x], [y], { to: ONNX_TYPE[attrs.dtype] });
  },
  gradient: ({ inputs: [x] }, [dy]) => [dy && isFloat(x.dtype) ? astype(dy, x.dtype) : undefined],
});

/**
 * Converts to another element type. Float to integer truncates toward zero; bool is "not zero". Converting
 * NaN and out-of-range numbers to integers is backend-dependent.
 */
export function astype(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply(cast, [x], { dtype });
}
