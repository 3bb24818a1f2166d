import { type DType, isFloat, ONNX_TYPE } from "../dtype.ts";
import { defineOp } from "../graph/graph.ts";
import type { Tensor } from "../tensor.ts";
import { apply } from "./apply.ts";

const cast = defineOp<{ dtype: DType }>({
  name: "cast",
  infer: ([x], { dtype }) => [{ dtype, shape: x.shape }],
  emit: (g, [x], [y], { attrs }) => {
    // To bool means "is not zero"; from float ONNX Runtime truncates toward zero like PyTorch.
    g.node("Cast", [x], [y], { to: ONNX_TYPE[attrs.dtype] });
  },
  gradient: ({ inputs: [x] }, [dy]) => [dy && isFloat(x.dtype) ? astype(dy, x.dtype) : undefined],
});

/**
 * Converts to another element type; floats are truncated toward zero, bool is "not zero". What NaN and
 * numbers out of range become as integers differs with the backend.
 */
export function astype(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply(cast, [x], { dtype });
}
