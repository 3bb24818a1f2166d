/** Element types and the host arrays that hold them. */

import "./node-version.ts";

export type DType = "float32" | "float16" | "int32" | "int64" | "uint8" | "bool";

/** The host array of each element type; a `bool` is one byte, 0 or 1. */
export interface TypedArrays {
  float32: Float32Array<ArrayBuffer>;
  float16: Float16Array<ArrayBuffer>;
  int32: Int32Array<ArrayBuffer>;
  int64: BigInt64Array<ArrayBuffer>;
  uint8: Uint8Array<ArrayBuffer>;
  bool: Uint8Array<ArrayBuffer>;
}
export type TypedArray = TypedArrays[DType];

const ARRAYS = {
  float32: Float32Array,
  float16: Float16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** `TensorProto.DataType` of the ONNX specification. */
export const ONNX_TYPE: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

/** Bytes of one element. */
export function byteSize(dtype: DType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** A host array of `length` zeros. */
export function allocate<D extends DType>(dtype: D, length: number): TypedArrays[D] {
  try {
    return new ARRAYS[dtype](length) as TypedArrays[D];
  } catch (cause) {
    const gigabytes = ((length * byteSize(dtype)) / 2 ** 30).toFixed(1);
    throw new Error(`cannot allocate ${length} values of ${dtype} (${gigabytes} GiB)`, { cause });
  }
}

/** A typed view of `length` elements of `buffer`, without a copy. */
export function viewArray<D extends DType>(
  dtype: D,
  buffer: ArrayBuffer,
  byteOffset = 0,
  length = (buffer.byteLength - byteOffset) / byteSize(dtype),
): TypedArrays[D] {
  return new ARRAYS[dtype](buffer, byteOffset, length) as TypedArrays[D];
}

/** A host array of the values, rounded or wrapped to the element type. */
export function fromNumbers<D extends DType>(dtype: D, values: ArrayLike<number>): TypedArrays[D] {
  const out = allocate(dtype, values.length) as TypedArray;
  if (out instanceof BigInt64Array)
    for (let i = 0; i < values.length; i++) out[i] = BigInt(Math.trunc(values[i] as number));
  else if (dtype === "bool") for (let i = 0; i < values.length; i++) out[i] = values[i] ? 1 : 0;
  else out.set(values);
  return out as TypedArrays[D];
}

/** The element type of a typed array (`Uint8Array` is `uint8`), or `undefined` if unsupported. */
export function dtypeOf(array: ArrayBufferView): DType | undefined {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float16Array) return "float16";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof BigInt64Array) return "int64";
  if (array instanceof Uint8Array) return "uint8";
  return undefined;
}

/** The values as numbers; an `int64` beyond 2^53 loses precision. */
export function toNumbers(array: TypedArray): number[] {
  return array instanceof BigInt64Array ? Array.from(array, Number) : Array.from(array);
}

export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float16";
}

const RANK: Readonly<Record<DType, number>> = {
  bool: 0,
  uint8: 1,
  int32: 2,
  int64: 3,
  float16: 4,
  float32: 5,
};

/** The common element type of two: the later of bool, uint8, int32, int64, float16, float32. */
export function promote(a: DType, b: DType): DType {
  return RANK[a] >= RANK[b] ? a : b;
}
