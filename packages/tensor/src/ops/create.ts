/** Creating tensors: constants, ranges, and host values. */
import { type DType, dtypeOf, fromNumbers, type TypedArray } from "../dtype.ts";
import { defineOp, Value } from "../graph/graph.ts";
import { Stored } from "../graph/stored.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { apply, kindOf } from "./apply.ts";

const constant = defineOp<{ value: number; dtype: DType }>({
  name: "constant",
  infer: (_, { dtype }) => [{ dtype, shape: [] }],
  emit: (g, _, [y], { attrs }) => g.node("Identity", [g.scalar(attrs.value, attrs.dtype)], [y]),
});

/** A scalar constant in the graph. */
export function scalar(value: number, dtype: DType = "float32"): Tensor {
  return apply(constant, [], { value, dtype });
}

const fill = defineOp<{ value: number; dtype: DType; shape: Shape }>({
  name: "fill",
  infer: (_, { dtype, shape }) => [{ dtype, shape }],
  emit: (g, _, [y], { attrs }) =>
    g.node("Expand", [g.scalar(attrs.value, attrs.dtype), g.ints(attrs.shape)], [y]),
});

/** A tensor of one value. */
export function full(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
  return shape.length === 0 ? scalar(value, dtype) : apply(fill, [], { value, dtype, shape: [...shape] });
}

export function zeros(shape: Shape, dtype: DType = "float32"): Tensor {
  return full(shape, 0, dtype);
}

export function ones(shape: Shape, dtype: DType = "float32"): Tensor {
  return full(shape, 1, dtype);
}

/** Zeros of the shape and type of `x`. */
export function zerosLike(x: Tensor): Tensor {
  return full(x.shape, 0, x.dtype);
}

/** Ones of the shape and type of `x`. */
export function onesLike(x: Tensor): Tensor {
  return full(x.shape, 1, x.dtype);
}

const range = defineOp<{ start: number; step: number; length: number; dtype: DType }>({
  name: "range",
  infer: (_, { dtype, length }) => [{ dtype, shape: [length] }],
  emit: (g, _, [y], { attrs: { start, step, length, dtype } }) => {
    // Counting in integers and scaling once keeps the last entry as accurate as the first.
    const count = g.op("Range", [g.scalar(0, "int32"), g.scalar(length, "int32"), g.scalar(1, "int32")]);
    const type = { float32: 1, float16: 10, int32: 6, int64: 7, uint8: 2, bool: 9 }[dtype];
    const computed = dtype === "float16" || dtype === "uint8" || dtype === "bool" ? "float32" : dtype;
    const counted =
      computed === "int32" ? count : g.op("Cast", [count], { to: computed === "int64" ? 7 : 1 });
    const scaled = step === 1 ? counted : g.op("Mul", [counted, g.scalar(step, computed)]);
    const shifted = start === 0 ? scaled : g.op("Add", [scaled, g.scalar(start, computed)]);
    if (computed === dtype) g.node("Identity", [shifted], [y]);
    else g.node("Cast", [shifted], [y], { to: type });
  },
});

/** `start, start + step, …` up to but not including `stop`; int32 if all three are integers, else float32. */
export function arange(start: number, stop?: number, step = 1, dtype?: DType): Tensor {
  const [first, last] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0 || ![first, last, step].every(Number.isFinite))
    throw new Error(`arange: expected finite bounds and a nonzero step, got ${first}, ${last}, ${step}`);
  const length = Math.max(0, Math.ceil((last - first) / step));
  const type = dtype ?? ([first, last, step].every(Number.isInteger) ? "int32" : "float32");
  return apply(range, [], { start: first, step, length, dtype: type });
}

/** `count` values evenly spaced from `start` to `stop`, both included. */
export function linspace(start: number, stop: number, count: number): Tensor {
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`linspace: expected a non-negative integer count, got ${count}`);
  const step = count > 1 ? (stop - start) / (count - 1) : 0;
  return tensor(Float32Array.from({ length: count }, (_, i) => start + step * i));
}

/** The identity matrix, [rows, columns]. */
export function eye(rows: number, columns = rows): Tensor {
  return arange(rows).reshape([rows, 1]).equal(arange(columns)).astype("float32");
}

/** Nested arrays of numbers or booleans, one number, or a typed array. */
export type Data = number | boolean | TypedArray | readonly Data[];

/**
 * A tensor of host values. Numbers become float32, booleans bool, and a typed array keeps its type, unless
 * `dtype` is given. A typed array is not copied and must not change afterwards.
 */
export function tensor(data: Data, options: { shape?: Shape; dtype?: DType } = {}): Tensor {
  if (ArrayBuffer.isView(data)) {
    const natural = dtypeOf(data);
    if (!natural) throw new Error(`tensor: no element type for ${(data as object).constructor.name}`);
    const bool = options.dtype === "bool" && natural === "uint8";
    const made = fromArray(data as TypedArray, options.shape ?? [data.length], bool ? "bool" : natural);
    return options.dtype ? made.astype(options.dtype) : made;
  }
  const shape: number[] = [];
  for (let level: Data = data; Array.isArray(level); level = level[0] as Data) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: number[] = [];
  let booleans = 0;
  const walk = (item: Data, depth: number): void => {
    if (Array.isArray(item)) {
      if (item.length !== shape[depth])
        throw new Error(
          `tensor: ragged data, expected ${shape[depth] ?? "a number"} entries at depth ${depth}, got ${item.length}`,
        );
      for (const inner of item) walk(inner, depth + 1);
    } else {
      if (depth !== shape.length) throw new Error(`tensor: ragged data, expected an array at depth ${depth}`);
      if (typeof item !== "number" && typeof item !== "boolean")
        throw new Error(`tensor: expected numbers, got ${kindOf(item)}`);
      if (typeof item === "boolean") booleans++;
      flat.push(Number(item));
    }
  };
  walk(data, 0);
  const dtype = options.dtype ?? (booleans > 0 && booleans === flat.length ? "bool" : "float32");
  return fromArray(fromNumbers(dtype, flat), options.shape ?? shape, dtype);
}

/** A tensor over a typed array, without a copy. */
export function fromArray(data: TypedArray, shape: Shape, dtype: DType | undefined = dtypeOf(data)): Tensor {
  if (!dtype) throw new Error(`tensor: no element type for ${data.constructor.name}`);
  const natural = dtypeOf(data);
  if (dtype !== natural && !(dtype === "bool" && natural === "uint8"))
    throw new Error(`tensor: expected an array of ${dtype} values, got ${data.constructor.name}`);
  checkShape(shape, "tensor: ");
  if (sizeOf(shape) !== data.length)
    throw new Error(`tensor: shape ${formatShape(shape)} needs ${sizeOf(shape)} values, got ${data.length}`);
  return new Tensor(Value.leaf(Stored.fromHost(data, dtype, [...shape])));
}
