/** Shared by all operator files: applying an operator to tensors, and converting operands. */
import type { DType } from "../dtype.ts";
import { isFloat, promote } from "../dtype.ts";
import { type Attributes, applyNode, type Operator } from "../graph/graph.ts";
import { Tensor } from "../tensor.ts";
import { astype } from "./cast.ts";
import { scalar } from "./create.ts";

/** A tensor, or a number that takes the type of the other operand. */
export type Operand = Tensor | number | boolean;

/** Applies an operator with one output. */
export function apply<A extends Attributes>(
  operator: Operator<A>,
  inputs: readonly Tensor[],
  attrs: A,
): Tensor {
  return applyAll(operator, inputs, attrs)[0] as Tensor;
}

/** Applies an operator with several outputs. */
export function applyAll<A extends Attributes>(
  operator: Operator<A>,
  inputs: readonly Tensor[],
  attrs: A,
): Tensor[] {
  return applyNode(
    operator,
    inputs.map((input) => input.value),
    attrs,
  ).map((value) => new Tensor(value));
}

/** An operand as a tensor; a number takes the type `like`, or the next wider type that can hold it. */
export function toTensor(operand: Operand, like: DType): Tensor {
  if (operand instanceof Tensor) return operand;
  if (typeof operand === "boolean") return scalar(operand ? 1 : 0, "bool");
  if (typeof operand !== "number") throw new Error(`expected a tensor or a number, got ${kindOf(operand)}`);
  if (isFloat(like)) return scalar(operand, like);
  if (!Number.isInteger(operand)) return scalar(operand, "float32");
  if (like === "uint8" && operand >= 0 && operand < 256) return scalar(operand, like);
  return scalar(operand, like === "int64" || operand !== (operand | 0) ? "int64" : "int32");
}

/** Describes a value in an error message, for callers without type checking. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  return value.constructor?.name ?? "an object";
}

/** Both operands in their common type, the later of bool, uint8, int32, int64, float16, float32. */
export function promoted(a: Operand, b: Operand): [Tensor, Tensor] {
  const left = toTensor(a, b instanceof Tensor ? b.dtype : "float32");
  const right = toTensor(b, left.dtype);
  const dtype = promote(left.dtype, right.dtype);
  return [astype(left, dtype), astype(right, dtype)];
}

/** The tensor itself if it has a float type, else its values as float32. */
export function floating(x: Tensor): Tensor {
  return isFloat(x.dtype) ? x : astype(x, "float32");
}

/** Integer arithmetic is done in int32 or int64, so bool and uint8 become int32. */
export function arithmetic(x: Tensor): Tensor {
  return x.dtype === "bool" || x.dtype === "uint8" ? astype(x, "int32") : x;
}
