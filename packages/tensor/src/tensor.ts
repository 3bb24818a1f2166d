/** The tensor: a lazy, immutable array of numbers. */
import { type DType, type TypedArray, toNumbers } from "./dtype.ts";
import { materialize } from "./graph/execute.ts";
import type { Node, Value } from "./graph/graph.ts";
import { withPending } from "./graph/pending.ts";
import { currentTrace } from "./graph/trace.ts";
import type { Operand } from "./ops/apply.ts";
import * as cast from "./ops/cast.ts";
import * as create from "./ops/create.ts";
import * as elementwise from "./ops/elementwise.ts";
import * as linalg from "./ops/linalg.ts";
import * as movement from "./ops/movement.ts";
import * as reduce from "./ops/reduce.ts";
import { type Shape, sizeOf } from "./shape.ts";

/** Nested arrays of numbers, as deep as the tensor has axes. */
export type Nested = number | boolean | Nested[];

/**
 * A lazy, immutable array. Operators build a graph and return immediately; `data`, `item` and `tolist`
 * compute it. Operands broadcast as in NumPy; a number takes the type of the other operand.
 */
export class Tensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly #value: Value;

  /** For operators. Users call `tensor`, `zeros`, `arange`, … */
  constructor(value: Value) {
    this.#value = value;
    this.shape = value.shape;
    this.dtype = value.dtype;
  }

  /** The graph value behind this tensor. For operators. */
  get value(): Value {
    return this.#value;
  }
  get rank(): number {
    return this.shape.length;
  }
  /** The number of entries. */
  get size(): number {
    return sizeOf(this.shape);
  }
  /** Shape and type: `[2, 3] int32`. Template strings use it too. */
  toString(): string {
    return this.value.describe();
  }
  /**
   * Called when JavaScript converts a tensor to a number, as in `x > 0`, `x == 1`, `+x` or `x + 1`.
   *
   * @throws TypeError, as a lazy tensor has no number; the comparison would otherwise silently be false
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    const where = currentTrace() ? " outside the compiled function" : "";
    throw new TypeError(
      `${this} was used as a number, but a tensor has no value until it is read: write x.greater(0), x.equal(1), x.add(1) or where(condition, a, b), or read it${where} with await x.item()`,
    );
  }
  /** Operand i of the operator that made this tensor. For operators. */
  inputOf(i: number): Tensor {
    return new Tensor((this.value.node as Node).inputs[i] as Value);
  }
  /** A tensor over a typed array, without a copy; the array must not change afterwards. */
  static fromArray(data: TypedArray, shape: Shape, dtype?: DType): Tensor {
    return create.fromArray(data, shape, dtype);
  }

  // Reading: the only asynchronous part.
  /** Computes the values, row-major. The array may be the tensor's own memory: do not write to it. */
  async data(): Promise<TypedArray> {
    const { value } = this;
    if (!value.stored) evaluateValues([value]);
    return (value.stored as NonNullable<typeof value.stored>).read();
  }
  /** The value of a tensor with one entry. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new Error(`item: expected a tensor with one entry, got ${this}`);
    return Number((await this.data())[0]);
  }
  /** The values as nested arrays; a bool tensor gives booleans. */
  async tolist(): Promise<Nested> {
    const array = await this.data();
    const flat: (number | boolean)[] =
      this.dtype === "bool" ? Array.from(array as Uint8Array, (entry) => entry !== 0) : toNumbers(array);
    const nest = (axis: number, start: number, span: number): Nested => {
      if (axis === this.rank) return flat[start] as number | boolean;
      const extent = this.shape[axis] as number;
      const inner = extent === 0 ? 0 : span / extent;
      return Array.from({ length: extent }, (_, i) => nest(axis + 1, start + i * inner, inner));
    };
    return nest(0, 0, this.size);
  }

  // Types.
  astype(dtype: DType): Tensor {
    return cast.astype(this, dtype);
  }

  // Arithmetic.
  add(b: Operand): Tensor {
    return elementwise.add(this, b);
  }
  sub(b: Operand): Tensor {
    return elementwise.sub(this, b);
  }
  /** b − this. */
  rsub(b: Operand): Tensor {
    return elementwise.sub(b, this);
  }
  mul(b: Operand): Tensor {
    return elementwise.mul(this, b);
  }
  /** True division: integers give float32. */
  div(b: Operand): Tensor {
    return elementwise.div(this, b);
  }
  /** b / this. */
  rdiv(b: Operand): Tensor {
    return elementwise.div(b, this);
  }
  floorDivide(b: Operand): Tensor {
    return elementwise.floorDivide(this, b);
  }
  /** The remainder with the divisor's sign. */
  remainder(b: Operand): Tensor {
    return elementwise.remainder(this, b);
  }
  pow(b: Operand): Tensor {
    return elementwise.pow(this, b);
  }
  maximum(b: Operand): Tensor {
    return elementwise.maximum(this, b);
  }
  minimum(b: Operand): Tensor {
    return elementwise.minimum(this, b);
  }
  clamp(low?: number, high?: number): Tensor {
    return elementwise.clamp(this, low, high);
  }

  // Functions.
  neg(): Tensor {
    return elementwise.neg(this);
  }
  abs(): Tensor {
    return elementwise.abs(this);
  }
  sign(): Tensor {
    return elementwise.sign(this);
  }
  square(): Tensor {
    return elementwise.square(this);
  }
  sqrt(): Tensor {
    return elementwise.sqrt(this);
  }
  rsqrt(): Tensor {
    return elementwise.rsqrt(this);
  }
  reciprocal(): Tensor {
    return elementwise.reciprocal(this);
  }
  exp(): Tensor {
    return elementwise.exp(this);
  }
  expm1(): Tensor {
    return elementwise.expm1(this);
  }
  log(): Tensor {
    return elementwise.log(this);
  }
  log1p(): Tensor {
    return elementwise.log1p(this);
  }
  sin(): Tensor {
    return elementwise.sin(this);
  }
  cos(): Tensor {
    return elementwise.cos(this);
  }
  tan(): Tensor {
    return elementwise.tan(this);
  }
  tanh(): Tensor {
    return elementwise.tanh(this);
  }
  sigmoid(): Tensor {
    return elementwise.sigmoid(this);
  }
  relu(): Tensor {
    return elementwise.relu(this);
  }
  erf(): Tensor {
    return elementwise.erf(this);
  }
  floor(): Tensor {
    return elementwise.floor(this);
  }
  ceil(): Tensor {
    return elementwise.ceil(this);
  }
  /** Rounds half to even. */
  round(): Tensor {
    return elementwise.round(this);
  }

  // Comparison and selection.
  equal(b: Operand): Tensor {
    return elementwise.equal(this, b);
  }
  notEqual(b: Operand): Tensor {
    return elementwise.notEqual(this, b);
  }
  greater(b: Operand): Tensor {
    return elementwise.greater(this, b);
  }
  greaterEqual(b: Operand): Tensor {
    return elementwise.greaterEqual(this, b);
  }
  less(b: Operand): Tensor {
    return elementwise.less(this, b);
  }
  lessEqual(b: Operand): Tensor {
    return elementwise.lessEqual(this, b);
  }
  logicalAnd(b: Operand): Tensor {
    return elementwise.logicalAnd(this, b);
  }
  logicalOr(b: Operand): Tensor {
    return elementwise.logicalOr(this, b);
  }
  logicalNot(): Tensor {
    return elementwise.logicalNot(this);
  }
  isNaN(): Tensor {
    return elementwise.isNaN(this);
  }
  /** `a` where this condition is true, `b` elsewhere. */
  where(a: Operand, b: Operand): Tensor {
    return elementwise.where(this, a, b);
  }
  /** The same values; no gradient flows through. */
  stopGradient(): Tensor {
    return elementwise.stopGradient(this);
  }

  // Reductions, over all axes by default.
  sum(axes?: reduce.Axes, keepDims?: boolean): Tensor {
    return reduce.sum(this, axes, keepDims);
  }
  mean(axes?: reduce.Axes, keepDims?: boolean): Tensor {
    return reduce.mean(this, axes, keepDims);
  }
  prod(axes?: reduce.Axes, keepDims?: boolean): Tensor {
    return reduce.prod(this, axes, keepDims);
  }
  max(axes?: reduce.Axes, keepDims?: boolean): Tensor {
    return reduce.max(this, axes, keepDims);
  }
  min(axes?: reduce.Axes, keepDims?: boolean): Tensor {
    return reduce.min(this, axes, keepDims);
  }
  any(axes?: reduce.Axes, keepDims?: boolean): Tensor {
    return reduce.any(this, axes, keepDims);
  }
  all(axes?: reduce.Axes, keepDims?: boolean): Tensor {
    return reduce.all(this, axes, keepDims);
  }
  variance(axes?: reduce.Axes, options?: { keepDims?: boolean; correction?: number }): Tensor {
    return reduce.variance(this, axes, options);
  }
  std(axes?: reduce.Axes, options?: { keepDims?: boolean; correction?: number }): Tensor {
    return reduce.std(this, axes, options);
  }
  norm(axes?: reduce.Axes, options?: { keepDims?: boolean; p?: number }): Tensor {
    return reduce.norm(this, axes, options);
  }
  logSumExp(axes?: reduce.Axes, keepDims?: boolean): Tensor {
    return reduce.logSumExp(this, axes, keepDims);
  }
  argmax(axis?: number, keepDims?: boolean): Tensor {
    return reduce.argmax(this, axis, keepDims);
  }
  argmin(axis?: number, keepDims?: boolean): Tensor {
    return reduce.argmin(this, axis, keepDims);
  }
  cumsum(axis: number, options?: { reverse?: boolean }): Tensor {
    return reduce.cumsum(this, axis, options);
  }
  cumprod(axis: number): Tensor {
    return reduce.cumprod(this, axis);
  }

  // Products.
  matmul(b: Tensor): Tensor {
    return linalg.matmul(this, b);
  }

  // Shape and order.
  reshape(shape: Shape): Tensor {
    return movement.reshape(this, shape);
  }
  flatten(start?: number, end?: number): Tensor {
    return movement.flatten(this, start, end);
  }
  unsqueeze(axis: number): Tensor {
    return movement.unsqueeze(this, axis);
  }
  squeeze(axes?: number | readonly number[]): Tensor {
    return movement.squeeze(this, axes);
  }
  permute(order: readonly number[]): Tensor {
    return movement.permute(this, order);
  }
  /** Swaps two axes, the last two by default. */
  transpose(a?: number, b?: number): Tensor {
    return movement.transpose(this, a, b);
  }
  expand(shape: Shape): Tensor {
    return movement.expand(this, shape);
  }
  /** Python's basic indexing: `x.index(0, [2, -1], null)` is `x[0, 2:-1, :]`. */
  index(...ranges: readonly movement.Index[]): Tensor {
    return movement.index(this, ...ranges);
  }
  slice(starts: readonly number[], sizes: readonly number[]): Tensor {
    return movement.slice(this, starts, sizes);
  }
  narrow(axis: number, start: number, length: number): Tensor {
    return movement.narrow(this, axis, start, length);
  }
  select(axis: number, at: number): Tensor {
    return movement.select(this, axis, at);
  }
  split(sizes: number | readonly number[], axis?: number): Tensor[] {
    return movement.split(this, sizes, axis);
  }
  chunk(count: number, axis?: number): Tensor[] {
    return movement.chunk(this, count, axis);
  }
  pad(pads: movement.Pads, options?: { mode?: movement.PadMode; value?: number }): Tensor {
    return movement.pad(this, pads, options);
  }
  flip(axes?: number | readonly number[]): Tensor {
    return movement.flip(this, axes);
  }
  roll(shift: number, axis: number): Tensor {
    return movement.roll(this, shift, axis);
  }
  tile(repeats: readonly number[]): Tensor {
    return movement.tile(this, repeats);
  }
  repeatInterleave(times: number, axis: number): Tensor {
    return movement.repeatInterleave(this, times, axis);
  }
  tril(diagonal?: number): Tensor {
    return movement.tril(this, diagonal);
  }
  triu(diagonal?: number): Tensor {
    return movement.triu(this, diagonal);
  }
  diagonal(): Tensor {
    return movement.diagonal(this);
  }
}

/** Computes values together with all pending variables. */
function evaluateValues(values: readonly Value[]): void {
  withPending(values, materialize);
}

/** Computes tensors and all pending variables in one graph; resolves once they are computed. */
export async function evaluate(...tensors: readonly Tensor[]): Promise<void> {
  const values = tensors.map((tensor) => tensor.value);
  evaluateValues(values);
  await Promise.all(values.map((value) => value.stored?.read()));
}
