/** Products with matrices quantised blockwise to 4 or 8 bits. */
import { CONTRIB, type Emitter } from "../graph/emitter.ts";
import { defineOp, type Operator, type Spec } from "../graph/graph.ts";
import { formatShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, floating } from "./apply.ts";

/** Storage of a matrix [N, K]: each row in blocks of `blockSize` entries, the last one padded. */
interface Layout {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  /** Entries per row. */
  readonly columns: number;
}
type Attributes = Layout & Readonly<Record<string, number>>;

function check(weight: Spec, scales: Spec, zeroPoints: Spec | undefined, layout: Layout): void {
  const { bits, blockSize, columns } = layout;
  const [rows = 0] = weight.shape;
  const blocks = Math.ceil(columns / blockSize);
  const expect = (what: string, spec: Spec, dtype: Spec["dtype"], shape: readonly number[]) => {
    if (spec.dtype !== dtype || spec.shape.join() !== shape.join())
      throw new Error(
        `expected ${what} of ${formatShape(shape)} ${dtype}, got ${formatShape(spec.shape)} ${spec.dtype}`,
      );
  };
  expect("a weight", weight, "uint8", [rows, blocks, (blockSize * bits) / 8]);
  expect("scales", scales, "float32", [rows, blocks]);
  if (zeroPoints) expect("zero points", zeroPoints, "uint8", [rows, Math.ceil((blocks * bits) / 8)]);
}

/** Emits the dequantised matrix [N, K] in standard operators. */
function emitDequantized(
  g: Emitter,
  [weight, scales, zeroPoints]: readonly (string | undefined)[],
  rows: number,
  { bits, blockSize, columns }: Layout,
): string {
  const blocks = Math.ceil(columns / blockSize);
  /** One entry per element, [rows, ...]; the low half of a byte comes first. */
  const unpack = (bytes: string, shape: readonly number[]): string => {
    const whole = g.op("Cast", [bytes], { to: 1 });
    if (bits === 8) return g.op("Reshape", [whole, g.ints(shape)]);
    const high = g.op("Floor", [g.op("Mul", [whole, g.scalar(1 / 16)])]);
    const low = g.op("Sub", [whole, g.op("Mul", [high, g.scalar(16)])]);
    const last = g.ints([-1]);
    const both = g.op("Concat", [g.op("Unsqueeze", [low, last]), g.op("Unsqueeze", [high, last])], {
      axis: -1,
    });
    return g.op("Reshape", [both, g.ints(shape)]);
  };
  let zero = g.scalar(2 ** (bits - 1));
  if (zeroPoints) {
    const points = unpack(zeroPoints, [rows, -1]);
    const own = g.op("Slice", [points, g.ints([0]), g.ints([blocks]), g.ints([1])]);
    zero = g.op("Reshape", [own, g.ints([rows, blocks, 1])]);
  }
  const entries = unpack(weight as string, [rows, blocks, blockSize]);
  const factors = g.op("Reshape", [scales as string, g.ints([rows, blocks, 1])]);
  const scaled = g.op("Mul", [g.op("Sub", [entries, zero]), factors]);
  const matrix = g.op("Reshape", [scaled, g.ints([rows, blocks * blockSize])]);
  if (blocks * blockSize === columns) return matrix;
  return g.op("Slice", [matrix, g.ints([0]), g.ints([columns]), g.ints([1])]);
}

const dequantizeOp: Operator<Attributes> = defineOp<Attributes>({
  name: "dequantize",
  infer: ([weight, scales, zeroPoints], layout) => {
    check(weight, scales, zeroPoints, layout);
    return [{ dtype: "float32", shape: [weight.shape[0] as number, layout.columns] }];
  },
  emit: (g, inputs, [y], { attrs, outputs: [spec] }) =>
    g.node("Identity", [emitDequantized(g, inputs, spec.shape[0] as number, attrs)], [y]),
});

const matmulOp: Operator<Attributes> = defineOp<Attributes>({
  name: "matmulNBits",
  infer: ([x, weight, scales, zeroPoints], layout) => {
    check(weight, scales, zeroPoints, layout);
    if (x.shape.at(-1) !== layout.columns)
      throw new Error(
        `the last axis has ${x.shape.at(-1)} entries, the matrix has ${layout.columns} columns`,
      );
    return [{ dtype: "float32", shape: [...x.shape.slice(0, -1), weight.shape[0] as number] }];
  },
  emit: (g, [x, ...stored], [y], { attrs, inputs: [, weight] }) => {
    const { bits, blockSize, columns, accuracy = 4 } = attrs;
    const rows = weight.shape[0] as number;
    // ONNX Runtime would unpack a matrix that is a graph input in every run, about a hundred times slower.
    const constant = stored.every((name) => g.isConstant(name));
    if (constant && g.device !== "webgpu" && !g.portable)
      return g.node(
        "MatMulNBits",
        [x, ...stored],
        [y],
        { K: columns, N: rows, bits, block_size: blockSize, accuracy_level: accuracy },
        CONTRIB,
      );
    const matrix = g.op("Transpose", [emitDequantized(g, stored, rows, attrs)], { perm: [1, 0] });
    g.node("MatMul", [x, matrix], [y]);
  },
  gradient: ({ inputs: [, weight, scales, zeroPoints], attrs }, [dy]) => [
    dy?.matmul(apply(dequantizeOp, zeroPoints ? [weight, scales, zeroPoints] : [weight, scales], attrs)),
  ],
});

/** A blockwise quantised matrix [N, K]: entry = (integer − zero point) · scale of its block. */
export interface QuantizedMatrix {
  readonly bits: 4 | 8;
  /** A power of two, at least 16. */
  readonly blockSize: number;
  /** K */
  readonly columns: number;
  /** uint8 [N, ⌈K/blockSize⌉, blockSize·bits/8]; with 4 bits, the earlier entry is in the low half of a byte. */
  readonly weight: Tensor;
  /** float32 [N, ⌈K/blockSize⌉] */
  readonly scales: Tensor;
  /** uint8 [N, ⌈⌈K/blockSize⌉·bits/8⌉], packed like the weight. Default: 8 (4 bits) or 128 (8 bits). */
  readonly zeroPoints?: Tensor | undefined;
}

function operands({ weight, scales, zeroPoints }: QuantizedMatrix): Tensor[] {
  return zeroPoints ? [weight, scales, zeroPoints] : [weight, scales];
}
function layoutOf({ bits, blockSize, columns }: QuantizedMatrix): Layout {
  if ((bits !== 4 && bits !== 8) || blockSize < 16 || !Number.isInteger(Math.log2(blockSize)))
    throw new Error(
      `quantised matrix: expected 4 or 8 bits and a block size that is a power of two of at least 16, got ${bits} bits and blocks of ${blockSize}`,
    );
  return { bits, blockSize, columns };
}

/**
 * x·Wᵀ over the last axis, [..., K] → [..., N]. Runs ONNX Runtime's `MatMulNBits` in a function compiled with
 * `freeze`; otherwise the matrix is dequantised first. Differentiable with respect to x.
 *
 * @param options `accuracy` 4 (the default) also rounds x to 8 bits per block, by far the fastest; 1 computes
 *   in float32
 */
export function matmulNBits(x: Tensor, matrix: QuantizedMatrix, options: { accuracy?: 1 | 4 } = {}): Tensor {
  const { accuracy = 4 } = options;
  return apply(matmulOp, [floating(x).astype("float32"), ...operands(matrix)], {
    ...layoutOf(matrix),
    accuracy,
  });
}

/** The matrix as float32, [N, K]. */
export function dequantize(matrix: QuantizedMatrix): Tensor {
  return apply(dequantizeOp, operands(matrix), { ...layoutOf(matrix) });
}
