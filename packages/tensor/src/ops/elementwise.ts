/** Elementwise arithmetic, functions, comparison and selection, with NumPy broadcasting. */
import { type DType, isFloat } from "../dtype.ts";
import type { Emitter } from "../graph/emitter.ts";
import { type Attributes, defineOp, type Operator } from "../graph/graph.ts";
import { float, type OnnxAttribute } from "../graph/onnx.ts";
import { broadcastShapes, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, arithmetic, floating, type Operand, promoted, toTensor } from "./apply.ts";
import { astype } from "./cast.ts";
import { sumTo } from "./reduce.ts";

type Derivative = (dy: Tensor, x: Tensor, y: Tensor) => Tensor;

/** A unary operator that maps to one ONNX node; `derivative` returns dx. */
export function unary(
  name: string,
  type: string,
  derivative?: Derivative,
  attributes?: Readonly<Record<string, OnnxAttribute>>,
): Operator<Attributes> {
  return defineOp({
    name,
    infer: ([x]) => [x],
    emit: (g, [x], [y]) => g.node(type, [x], [y], attributes),
    emitHwnc: (g, [x], [y]) => {
      if (!g.layout.has(x)) return false;
      g.layout.set(y, g.op(type, [g.layout.hwnc(x)], attributes));
      return true;
    },
    ...(derivative && {
      gradient: ({ inputs: [x], outputs: [y] }, [dy]) => [dy && derivative(dy, x, y)],
    }),
  });
}

const negOp = unary("neg", "Neg", (dy) => neg(dy));
const absOp = unary("abs", "Abs", (dy, x) => dy.mul(sign(x)));
const expOp = unary("exp", "Exp", (dy, _, y) => dy.mul(y));
const logOp = unary("log", "Log", (dy, x) => dy.div(x));
const sqrtOp = unary("sqrt", "Sqrt", (dy, _, y) => dy.mul(0.5).div(y));
const reciprocalOp = unary("reciprocal", "Reciprocal", (dy, _, y) => neg(dy.mul(y).mul(y)));
const sinOp = unary("sin", "Sin", (dy, x) => dy.mul(cos(x)));
const cosOp = unary("cos", "Cos", (dy, x) => neg(dy.mul(sin(x))));
const tanOp = unary("tan", "Tan", (dy, _, y) => dy.mul(y.mul(y).add(1)));
const asinOp = unary("asin", "Asin", (dy, x) => dy.div(sqrt(x.mul(x).rsub(1))));
const acosOp = unary("acos", "Acos", (dy, x) => neg(dy.div(sqrt(x.mul(x).rsub(1)))));
const atanOp = unary("atan", "Atan", (dy, x) => dy.div(x.mul(x).add(1)));
const sinhOp = unary("sinh", "Sinh", (dy, x) => dy.mul(cosh(x)));
const coshOp = unary("cosh", "Cosh", (dy, x) => dy.mul(sinh(x)));
const asinhOp = unary("asinh", "Asinh", (dy, x) => dy.div(sqrt(x.mul(x).add(1))));
const acoshOp = unary("acosh", "Acosh", (dy, x) => dy.div(sqrt(x.mul(x).sub(1))));
const atanhOp = unary("atanh", "Atanh", (dy, x) => dy.div(x.mul(x).rsub(1)));
const tanhOp = unary("tanh", "Tanh", (dy, _, y) => dy.mul(y.mul(y).rsub(1)));
const sigmoidOp = unary("sigmoid", "Sigmoid", (dy, _, y) => dy.mul(y.mul(y.rsub(1))));
const softplusOp = unary("softplus", "Softplus", (dy, x) => dy.mul(sigmoid(x)));
const erfOp = unary("erf", "Erf", (dy, x) => dy.mul(exp(neg(x.mul(x)))).mul(2 / Math.sqrt(Math.PI)));
const reluOp = unary("relu", "Relu", (dy, _, y) => dy.mul(positive(y)));
const floorOp = unary("floor", "Floor");
const ceilOp = unary("ceil", "Ceil");
const roundOp = unary("round", "Round");
const signOp = unary("sign", "Sign");
const notOp = unary("logicalNot", "Not");
const isNaNOp = defineOp({
  name: "isNaN",
  infer: ([x]) => [{ dtype: "bool", shape: x.shape }],
  emit: (g, [x], [y]) => g.node("IsNaN", [x], [y]),
});

/** 1 where x > 0, else 0, as floats: ONNX Runtime's fastest mask (one pass, no bool). */
const positiveOp = unary("positive", "HardSigmoid", undefined, { alpha: float(3e38), beta: float(0) });
function positive(x: Tensor): Tensor {
  return x.dtype === "float32" ? apply(positiveOp, [x], {}) : astype(x.greater(0), x.dtype);
}

const float1 =
  (op: Operator<Attributes>) =>
  (x: Tensor): Tensor =>
    apply(op, [floating(x)], {});
const any1 =
  (op: Operator<Attributes>) =>
  (x: Tensor): Tensor =>
    apply(op, [arithmetic(x)], {});
/** Rounding leaves integers unchanged. */
const rounding =
  (op: Operator<Attributes>) =>
  (x: Tensor): Tensor =>
    isFloat(x.dtype) ? apply(op, [x], {}) : x;

export const neg: (x: Tensor) => Tensor = any1(negOp);
export const abs: (x: Tensor) => Tensor = any1(absOp);
export const sign: (x: Tensor) => Tensor = any1(signOp);
/** max(x, 0). */
export function relu(x: Tensor): Tensor {
  return isFloat(x.dtype) ? apply(reluOp, [x], {}) : maximum(x, 0);
}
export const exp: (x: Tensor) => Tensor = float1(expOp);
export const log: (x: Tensor) => Tensor = float1(logOp);
export const sqrt: (x: Tensor) => Tensor = float1(sqrtOp);
export const reciprocal: (x: Tensor) => Tensor = float1(reciprocalOp);
export const sin: (x: Tensor) => Tensor = float1(sinOp);
export const cos: (x: Tensor) => Tensor = float1(cosOp);
export const tan: (x: Tensor) => Tensor = float1(tanOp);
export const asin: (x: Tensor) => Tensor = float1(asinOp);
export const acos: (x: Tensor) => Tensor = float1(acosOp);
export const atan: (x: Tensor) => Tensor = float1(atanOp);
export const sinh: (x: Tensor) => Tensor = float1(sinhOp);
export const cosh: (x: Tensor) => Tensor = float1(coshOp);
export const asinh: (x: Tensor) => Tensor = float1(asinhOp);
export const acosh: (x: Tensor) => Tensor = float1(acoshOp);
export const atanh: (x: Tensor) => Tensor = float1(atanhOp);
export const tanh: (x: Tensor) => Tensor = float1(tanhOp);
export const sigmoid: (x: Tensor) => Tensor = float1(sigmoidOp);
export const softplus: (x: Tensor) => Tensor = float1(softplusOp);
export const erf: (x: Tensor) => Tensor = float1(erfOp);
export const floor: (x: Tensor) => Tensor = rounding(floorOp);
export const ceil: (x: Tensor) => Tensor = rounding(ceilOp);
/** Rounds half to even. */
export const round: (x: Tensor) => Tensor = rounding(roundOp);
export function logicalNot(x: Tensor): Tensor {
  return apply(notOp, [astype(x, "bool")], {});
}
export function isNaN(x: Tensor): Tensor {
  return isFloat(x.dtype) ? apply(isNaNOp, [x], {}) : x.notEqual(x);
}
export function rsqrt(x: Tensor): Tensor {
  return reciprocal(sqrt(x));
}
export function log2(x: Tensor): Tensor {
  return log(x).mul(1 / Math.LN2);
}
export function log10(x: Tensor): Tensor {
  return log(x).mul(1 / Math.LN10);
}
/** 2^x. */
export function exp2(x: Tensor): Tensor {
  return exp(floating(x).mul(Math.LN2));
}
/** Rounds toward zero. */
export function trunc(x: Tensor): Tensor {
  return isFloat(x.dtype) ? where(x.less(0), ceil(x), floor(x)) : x;
}
/** Whether an entry is neither infinite nor NaN. */
export function isFinite(x: Tensor): Tensor {
  return isFloat(x.dtype) ? less(abs(x), Number.POSITIVE_INFINITY) : x.equal(x);
}
/** Whether an entry is infinite, of either sign. */
export function isInf(x: Tensor): Tensor {
  return isFloat(x.dtype) ? equal(abs(x), Number.POSITIVE_INFINITY) : x.notEqual(x);
}
/** a + weight·(b − a). */
export function lerp(a: Tensor, b: Tensor, weight: Operand): Tensor {
  return add(a, mul(sub(b, a), weight));
}
/** x², as one product. */
export function square(x: Tensor): Tensor {
  return x.mul(x);
}

/** log(1 + x), accurate for small x: in Kahan's log(u)·x / (u − 1), u = fl(1 + x), the rounding of u cancels. */
const log1pOp = defineOp({
  name: "log1p",
  infer: ([x]) => [x],
  emit: (g, [x], [y], { inputs: [spec] }) => {
    const one = g.scalar(1, spec.dtype);
    const u = g.op("Add", [x, one]);
    const exact = g.op("Div", [g.op("Mul", [g.op("Log", [u]), x]), g.op("Sub", [u, one])]);
    // If u rounds to 1 or is infinite, the quotient is 0/0 or ∞/∞.
    const tiny = g.op("Equal", [u, one]);
    const infinite = g.op("IsInf", [u], { detect_negative: 0 });
    g.node("Where", [tiny, x, g.op("Where", [infinite, u, exact])], [y]);
  },
  gradient: ({ inputs: [x] }, [dy]) => [dy?.div(x.add(1))],
});

/** e^x − 1, accurate for small x: tanh(x/2)·(e^x + 1) near 0. */
const expm1Op = defineOp({
  name: "expm1",
  infer: ([x]) => [x],
  emit: (g, [x], [y], { inputs: [spec] }) => {
    const one = g.scalar(1, spec.dtype);
    const power = g.op("Exp", [x]);
    const half = g.op("Tanh", [g.op("Mul", [x, g.scalar(0.5, spec.dtype)])]);
    const near = g.op("Less", [g.op("Abs", [x]), one]);
    g.node("Where", [near, g.op("Mul", [half, g.op("Add", [power, one])]), g.op("Sub", [power, one])], [y]);
  },
  gradient: ({ outputs: [y] }, [dy]) => [dy?.mul(y.add(1))],
});
export const log1p: (x: Tensor) => Tensor = float1(log1pOp);
export const expm1: (x: Tensor) => Tensor = float1(expm1Op);

/**
 * Operands for an operator that broadcasts. ONNX Runtime is forty times slower for [M, N, 1, 1] and a scalar than for
 * [M, N, 1, 1] and [1, 1, 1, 1]: such operands get leading axes.
 */
function alignRanks<Operands extends readonly string[]>(
  g: Emitter,
  operands: Operands,
  specs: readonly { readonly shape: Shape }[],
): Operands {
  const rank = Math.max(...specs.map(({ shape }) => shape.length));
  const slow = specs.some(({ shape }) => shape.length === rank && shape.at(-1) === 1 && sizeOf(shape) > 1);
  if (!slow) return operands;
  const aligned = operands.map((operand, i) => {
    const missing = rank - (specs[i] as { shape: Shape }).shape.length;
    if (missing === 0) return operand;
    const axes = g.ints(Array.from({ length: missing }, (_, axis) => axis));
    return g.once(`rank:${missing}:${operand}`, () => g.op("Unsqueeze", [operand, axes]));
  });
  return aligned as readonly string[] as Operands;
}

/** A binary operator on operands of one type, with broadcasting; `derivative` returns the unreduced da and db. */
function binary(
  name: string,
  type: string,
  derivative?: (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => readonly [() => Tensor, () => Tensor],
  result?: DType,
): Operator<Attributes> {
  return defineOp({
    name,
    infer: ([a, b]) => [{ dtype: result ?? a.dtype, shape: broadcastShapes(a.shape, b.shape) }],
    emit: (g, operands, [y], { inputs }) => g.node(type, alignRanks(g, operands, inputs), [y]),
    emitHwnc: (g, inputs, [y], context) => {
      const operands = g.layout.operands(inputs, context);
      // Shared: the backward pass of a normalisation centres the same values as its forward pass.
      if (operands)
        g.layout.set(
          y,
          g.once(`${type}:${operands.join()}`, () => g.op(type, operands)),
        );
      return operands !== undefined;
    },
    ...(derivative && {
      gradient: ({ inputs: [a, b], outputs: [y], needs }, [dy]) => {
        if (!dy) return [];
        const [da, db] = derivative(dy, a, b, y);
        return [needs[0] ? sumTo(da(), a.shape) : undefined, needs[1] ? sumTo(db(), b.shape) : undefined];
      },
    }),
  });
}

const addOp = binary("add", "Add", (dy) => [() => dy, () => dy]);
const subOp = binary("sub", "Sub", (dy) => [() => dy, () => neg(dy)]);
const mulOp = binary("mul", "Mul", (dy, a, b) => [() => dy.mul(b), () => dy.mul(a)]);
const divOp = binary("div", "Div", (dy, _, b, y) => [() => dy.div(b), () => neg(dy.mul(y).div(b))]);
const powOp = binary("pow", "Pow", (dy, a, b, y) => [
  // For b = 0 this is 0 whatever a is, even if a^(b−1) is infinite.
  () => dy.mul(where(b.equal(0), 0, b.mul(pow(a, b.sub(1))))),
  // 0^b is constant for b > 0, but log(a) would be infinite.
  () => dy.mul(where(a.equal(0), 0, y.mul(log(where(a.equal(0), 1, a))))),
]);
/** Ties share the gradient evenly, as in PyTorch. */
const maximumOp = binary("maximum", "Max", (dy, a, b) => [
  () => dy.mul(wins(a, b)),
  () => dy.mul(wins(b, a)),
]);
const minimumOp = binary("minimum", "Min", (dy, a, b) => [
  () => dy.mul(wins(b, a)),
  () => dy.mul(wins(a, b)),
]);
const { emitHwnc: _, ...remainderForm } = binary("remainder", "Mod", (dy, a, b) => [
  () => dy,
  () => neg(dy.mul(floor(a.div(b)))),
]);
const remainderOp = defineOp({
  ...remainderForm,
  emit: (g, [a, b], [y], { inputs: [spec] }) => {
    if (!isFloat(spec.dtype)) {
      // The smallest integer modulo −1 overflows and crashes the process; modulo 1 the remainder is the same.
      const minusOne = g.op("Equal", [b, g.scalar(-1, spec.dtype)]);
      g.node("Mod", [a, g.op("Where", [minusOne, g.scalar(1, spec.dtype), b])], [y]);
      return;
    }
    // ONNX's Mod on floats takes the sign of the dividend.
    const rest = g.op("Mod", [a, b], { fmod: 1 });
    const wrong = g.op("Less", [g.op("Mul", [g.op("Sign", [rest]), b]), g.scalar(0, spec.dtype)]);
    g.node("Where", [wrong, g.op("Add", [rest, b]), rest], [y]);
  },
});

function wins(a: Tensor, b: Tensor): Tensor {
  return astype(a.greater(b), a.dtype).add(astype(a.equal(b), a.dtype).mul(0.5));
}

const equalOp = binary("equal", "Equal", undefined, "bool");
const greaterOp = binary("greater", "Greater", undefined, "bool");
const greaterEqualOp = binary("greaterEqual", "GreaterOrEqual", undefined, "bool");
const andOp = binary("logicalAnd", "And", undefined, "bool");
const orOp = binary("logicalOr", "Or", undefined, "bool");
const xorOp = binary("logicalXor", "Xor", undefined, "bool");

const whereOp = defineOp({
  name: "where",
  infer: ([condition, a, b]) => [
    { dtype: a.dtype, shape: broadcastShapes(condition.shape, a.shape, b.shape) },
  ],
  emit: (g, operands, [y], { inputs }) => {
    if (inputs[1].dtype !== "bool") return g.node("Where", alignRanks(g, operands, inputs), [y]);
    const [condition, a, b] = operands;
    const [x, z] = [g.op("And", [condition, a]), g.op("And", [g.op("Not", [condition]), b])];
    g.node("Or", [x, z], [y]);
  },
  emitHwnc: (g, inputs, [y], context) => {
    const operands = context.inputs[1].dtype === "bool" ? undefined : g.layout.operands(inputs, context);
    if (operands) g.layout.set(y, g.op("Where", operands));
    return operands !== undefined;
  },
  gradient: ({ inputs: [condition, a, b], needs }, [dy]) =>
    dy
      ? [
          null,
          needs[1] ? sumTo(where(condition, dy, 0), a.shape) : undefined,
          needs[2] ? sumTo(where(condition, 0, dy), b.shape) : undefined,
        ]
      : [],
});

const arithmetic2 =
  (op: Operator<Attributes>) =>
  (a: Operand, b: Operand): Tensor => {
    const [x, y] = promoted(a, b);
    return apply(op, [arithmetic(x), arithmetic(y)], {});
  };
const logical2 =
  (op: Operator<Attributes>) =>
  (a: Operand, b: Operand): Tensor =>
    apply(op, [astype(toTensor(a, "bool"), "bool"), astype(toTensor(b, "bool"), "bool")], {});

type Binary = (a: Operand, b: Operand) => Tensor;
export const add: Binary = arithmetic2(addOp);
export const sub: Binary = arithmetic2(subOp);
export const mul: Binary = arithmetic2(mulOp);
export const maximum: Binary = arithmetic2(maximumOp);
export const minimum: Binary = arithmetic2(minimumOp);
/** The remainder with the divisor's sign, as in Python. */
export const remainder: Binary = arithmetic2(remainderOp);
export const greater: Binary = arithmetic2(greaterOp);
export const greaterEqual: Binary = arithmetic2(greaterEqualOp);
export const less: Binary = (a, b) => greater(b, a);
export const lessEqual: Binary = (a, b) => greaterEqual(b, a);
export const equal: Binary = (a, b) => apply(equalOp, promoted(a, b), {});
export const notEqual: Binary = (a, b) => logicalNot(equal(a, b));
export const logicalAnd: Binary = logical2(andOp);
export const logicalOr: Binary = logical2(orOp);
export const logicalXor: Binary = logical2(xorOp);

/** True division: integers give float32. */
export function div(a: Operand, b: Operand): Tensor {
  const [x, y] = promoted(a, b);
  return apply(divOp, [floating(x), floating(y)], {});
}

/** ⌊a / b⌋; integers stay integers. */
export function floorDivide(a: Operand, b: Operand): Tensor {
  const [x, y] = promoted(a, b).map(arithmetic) as [Tensor, Tensor];
  if (isFloat(x.dtype)) return floor(div(x, y));
  // ONNX rounds integer division toward zero: subtracting the remainder first makes it exact.
  const quotient = (by: Tensor) => apply(divOp, [sub(x, remainder(x, by)), by], {});
  if (typeof b === "number") return b === -1 ? neg(x) : quotient(y);
  // The smallest integer divided by −1 overflows and crashes the process.
  const minusOne = equal(y, -1);
  return where(minusOne, neg(x), quotient(where(minusOne, 1, y)));
}

/**
 * a^b; integers give an integer, unless `b` is a negative number. The exponents ±1, ±1/2, 2 and 3 become
 * products, roots and reciprocals.
 */
export function pow(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a === "object") {
    if (b === 1) return arithmetic(a);
    if (b === 2) return square(a);
    if (b === 3) return square(a).mul(a);
    if (b === 0.5) return sqrt(a);
    if (b === -1) return reciprocal(a);
    if (b === -0.5) return rsqrt(a);
  }
  const [x, y] = promoted(a, b);
  const type = typeof b === "number" && b < 0 ? floating : arithmetic;
  return apply(powOp, [type(x), type(y)], {});
}

/** The angle of the point (x, y) in (−π, π]. */
export function atan2(y: Operand, x: Operand): Tensor {
  const [b, a] = promoted(y, x).map(floating) as [Tensor, Tensor];
  const angle = atan(div(b, where(equal(a, 0), 1, a)));
  const left = where(less(b, 0), angle.sub(Math.PI), angle.add(Math.PI));
  const vertical = sign(b).mul(Math.PI / 2);
  // At x = 0 the gradient −y/(x² + y²) would be lost, so it comes from atan(x / y) there.
  const steep = vertical.sub(atan(div(a, where(equal(b, 0), 1, b))));
  return where(equal(a, 0), where(equal(b, 0), 0, steep), where(less(a, 0), left, angle));
}

/** `a` where the condition is true, `b` elsewhere; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const [x, y] = promoted(a, b);
  return apply(whereOp, [astype(condition, "bool"), x, y], {});
}

type Bounds = { low: number | undefined; high: number | undefined };
/** Omitted bounds are emitted as infinities, as ONNX Runtime's default is the largest finite number. */
function emitBounds(g: Emitter, { low, high }: Bounds, dtype: DType): [string, string] {
  const bound = (value: number | undefined, infinity: number) =>
    value === undefined && !isFloat(dtype) ? "" : g.scalar(value ?? infinity, dtype);
  return [bound(low, Number.NEGATIVE_INFINITY), bound(high, Number.POSITIVE_INFINITY)];
}
const clipOp = defineOp<Bounds>({
  name: "clamp",
  infer: ([x]) => [x],
  emit: (g, [x], [y], { attrs, inputs: [{ dtype }] }) =>
    g.node("Clip", [x, ...emitBounds(g, attrs, dtype)], [y]),
  emitHwnc: (g, [x], [y], { attrs, inputs: [{ dtype }] }) => {
    if (!g.layout.has(x)) return false;
    g.layout.set(y, g.op("Clip", [g.layout.hwnc(x), ...emitBounds(g, attrs, dtype)]));
    return true;
  },
  gradient: ({ inputs: [x], attrs: { low, high } }, [dy]) => {
    if (!dy) return [];
    let inside = low === undefined ? undefined : greaterEqual(x, low);
    if (high !== undefined) inside = inside ? logicalAnd(inside, lessEqual(x, high)) : lessEqual(x, high);
    return [inside ? where(inside, dy, 0) : dy];
  },
});

/** Clamps to [low, high]; either bound may be omitted. */
export function clamp(x: Tensor, low?: number, high?: number): Tensor {
  return low === undefined && high === undefined ? x : apply(clipOp, [arithmetic(x)], { low, high });
}

const stopGradientOp = defineOp({
  name: "stopGradient",
  infer: ([x]) => [x],
  alias: true,
  emit: () => {},
});

/** The same values; no gradient flows through. */
export function stopGradient(x: Tensor): Tensor {
  return apply(stopGradientOp, [x], {});
}
