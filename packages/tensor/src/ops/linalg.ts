/** Matrix products. */
import { CONTRIB } from "../graph/emitter.ts";
import { defineOp } from "../graph/graph.ts";
import { INT8 } from "../graph/onnx.ts";
import { currentTrace } from "../graph/trace.ts";
import { broadcastShapes, formatShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, arithmetic, floating, promoted } from "./apply.ts";
import { untransposed } from "./movement.ts";
import { sumTo } from "./reduce.ts";

type Flags = { transA: boolean; transB: boolean };

/** Rows and columns of an operand after the optional transpose. */
function sides(shape: Shape, transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

const matmulOp = defineOp<Flags>({
  name: "matmul",
  infer: ([a, b], { transA, transB }) => {
    const [[rows, inner], [other, columns]] = [sides(a.shape, transA), sides(b.shape, transB)];
    if (inner !== other) throw new Error(`inner extents ${inner} and ${other} differ`);
    return [
      {
        dtype: a.dtype,
        shape: [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns],
      },
    ];
  },
  emit: (g, [a, b], [y], { attrs: { transA, transB }, inputs: [x, z], outputs: [out] }) => {
    // An empty sum is zero; ONNX Runtime's WebGPU kernels fail on empty operands.
    if (sizeOf(x.shape) === 0 || sizeOf(z.shape) === 0)
      return g.node("Expand", [g.scalar(0, out.dtype), g.ints(out.shape)], [y]);
    if (x.shape.length === 2 && z.shape.length === 2 && x.dtype === "float32" && (transA || transB))
      return g.node("Gemm", [a, b], [y], { transA: transA ? 1 : 0, transB: transB ? 1 : 0 });
    if ((transA || transB) && x.dtype === "float32" && g.device === "cpu" && !g.portable)
      return g.node("FusedMatMul", [a, b], [y], { transA: transA ? 1 : 0, transB: transB ? 1 : 0 }, CONTRIB);
    const swap = (name: string, rank: number) => {
      const perm = Array.from({ length: rank }, (_, i) => i);
      [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
      return g.op("Transpose", [name], { perm });
    };
    g.node("MatMul", [transA ? swap(a, x.shape.length) : a, transB ? swap(b, z.shape.length) : b], [y]);
  },
  gradient: ({ inputs: [a, b], attrs: { transA, transB }, needs }, [dy]) => {
    if (!dy) return [];
    // With A' = A or Aᵀ and C = A'B': dA' = dC·B'ᵀ, dB' = A'ᵀ·dC, each transposed if its operand was.
    const da = () => (transA ? product(b, dy, transB, true) : product(dy, b, false, !transB));
    const db = () => {
      // A matrix shared by the whole batch: one product over all rows instead of a sum of many.
      if (b.rank === 2 && a.rank > 2 && !transA) {
        const count = sizeOf(a.shape.slice(0, -1));
        const rows = a.reshape([count, a.shape[a.rank - 1] as number]);
        const out = dy.reshape([count, dy.shape[dy.rank - 1] as number]);
        return transB ? product(out, rows, true, false) : product(rows, out, true, false);
      }
      return transB ? product(dy, a, true, transA) : product(a, dy, !transA, false);
    };
    return [needs[0] ? sumTo(da(), a.shape) : undefined, needs[1] ? sumTo(db(), b.shape) : undefined];
  },
});

function product(a: Tensor, b: Tensor, transA: boolean, transB: boolean): Tensor {
  return apply(matmulOp, [a, b], { transA, transB });
}

/**
 * The matrix product over the last two axes; the others broadcast. A vector is a row on the left and a
 * column on the right, and its added axis is dropped from the result.
 */
export function matmul(left: Tensor, right: Tensor): Tensor {
  if (left.rank === 0 || right.rank === 0)
    throw new Error(`matmul(${left}, ${right}): expected at least one axis, got a scalar`);
  const [a, b] = promoted(left, right).map(arithmetic) as [Tensor, Tensor];
  if (a.rank === 1 && b.rank === 1) return matmul(a.unsqueeze(0), b.unsqueeze(1)).reshape([]);
  if (a.rank === 1) return matmul(a.unsqueeze(0), b).squeeze(-2);
  if (b.rank === 1) return matmul(a, b.unsqueeze(1)).squeeze(-1);
  const [baseA, baseB] = [untransposed(a), untransposed(b)];
  return product(baseA ?? a, baseB ?? b, baseA !== undefined, baseB !== undefined);
}

const linearOp = defineOp({
  name: "linear",
  infer: ([x, w, b]) => {
    const [rows, inputs] = x.shape as [number, number];
    const [outputs, expected] = w.shape as [number, number];
    if (inputs !== expected)
      throw new Error(`the last axis has ${inputs} entries, the weight expects ${expected}`);
    if (b && (b.shape.length !== 1 || b.shape[0] !== outputs))
      throw new Error(`expected a bias of [${outputs}], got ${formatShape(b.shape)}`);
    return [{ dtype: x.dtype, shape: [rows, outputs] }];
  },
  emit: (g, inputs, [y]) => g.node("Gemm", inputs, [y], { transB: 1 }),
  gradient: ({ inputs: [x, w, b], needs }, [dy]) =>
    dy
      ? [
          needs[0] ? product(dy, w, false, false) : undefined,
          needs[1] ? product(dy, x, true, false) : undefined,
          b && needs[2] ? dy.sum(0) : undefined,
        ]
      : [],
});

/** The same with inputs and weights rounded to 8 bits, for inference. */
const linearInt8Op = defineOp({
  ...linearOp,
  name: "linearInt8",
  emit: (g, inputs, outputs, context) => {
    const [x, w, b = ""] = inputs;
    // The integers of a weight that changes would be computed in every run.
    if (g.int8Levels === undefined || !g.isConstant(w)) return linearOp.emit(g, inputs, outputs, context);
    // Folded into constants when the session is made. Symmetric: w ≈ scale · q with |q| ≤ levels.
    const largest = g.op("ReduceMax", [g.op("Abs", [w]), g.ints([1])], { keepdims: 1 }); // [out, 1]
    const scale = g.op("Max", [g.op("Div", [largest, g.scalar(g.int8Levels)]), g.scalar(1e-30)]);
    const q = g.op("Cast", [g.op("Round", [g.op("Div", [w, scale])])], { to: INT8 });
    const operands = [x, g.op("Transpose", [q], { perm: [1, 0] }), g.op("Squeeze", [scale, g.ints([1])])];
    // [R, in] · [in, out]; the zero point of the weight is 0.
    g.node("DynamicQuantizeMatMul", [...operands, "", b], outputs, {}, CONTRIB);
  },
});

/** x·Wᵀ + b over the last axis: [..., in] with a weight [out, in] and a bias [out] gives [..., out]. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  if (x.rank === 0 || weight.rank !== 2)
    throw new Error(`linear(${x}, ${weight}): expected [..., in] and a weight [out, in]`);
  const lead = x.shape.slice(0, -1);
  const rows = x.reshape([sizeOf(lead), x.shape[x.rank - 1] as number]); // [R, in]
  const { dtype } = floating(promoted(x, weight)[0]);
  const operands = [rows, weight, ...(bias ? [bias] : [])].map((t) => t.astype(dtype));
  const operator = currentTrace()?.int8 && dtype === "float32" ? linearInt8Op : linearOp;
  return apply(operator, operands, {}).reshape([...lead, weight.shape[0] as number]);
}

/** The outer product of two vectors, [n] and [m] → [n, m]. */
export function outer(a: Tensor, b: Tensor): Tensor {
  if (a.rank !== 1 || b.rank !== 1) throw new Error(`outer(${a}, ${b}): expected two vectors`);
  return a.unsqueeze(1).mul(b);
}
