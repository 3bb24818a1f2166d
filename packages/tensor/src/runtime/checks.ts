/** What every backend checks before it calls ONNX Runtime. */
import { type DType, dtypeOf, type TypedArray } from "../dtype.ts";
import { formatShape, sizeOf } from "../shape.ts";
import type { DeviceArray, LoadOptions } from "./backend.ts";

/** `OrtLoggingLevel`. A failed call reports its error through its status: ONNX Runtime need not print it as well. */
export const LOG_FATAL = 4;

/** `float32 [2, 3]`, for messages. */
export function describe({ dtype, shape }: Pick<DeviceArray, "dtype" | "shape">): string {
  return `${dtype} ${formatShape(shape)}`;
}

/** Throws unless `data` holds exactly the elements of an array of this type and shape. */
export function checkUpload(data: TypedArray, dtype: DType, shape: readonly number[]): void {
  const what = `upload of ${describe({ dtype, shape })}`;
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new Error(`${what}: every size of a shape must be an integer from 0 on`);
  const held = dtypeOf(data);
  if (held !== (dtype === "bool" ? "uint8" : dtype))
    throw new Error(`${what}: expected an array of ${dtype} values, got one of ${held ?? typeof data}`);
  const length = sizeOf(shape);
  if (data.length !== length)
    throw new Error(
      `${what}: expected ${length} values (${length * data.BYTES_PER_ELEMENT} bytes), got ${data.length} (${data.byteLength} bytes)`,
    );
}

/**
 * Throws unless every output has a name of its own: ONNX Runtime writes nothing into the memory that is
 * given for an output which is also an input, nor into the first of two with one name.
 */
export function checkOutputs({ inputs, outputs }: LoadOptions): void {
  const names = new Set(inputs);
  for (const { name } of outputs) {
    if (names.has(name))
      throw new Error(`output ${name}: another input or output has this name; expected one of its own`);
    names.add(name);
  }
}

/** Throws unless there is one array per input. */
export function checkCount(names: readonly string[], arrays: readonly DeviceArray[]): void {
  if (names.length !== arrays.length)
    throw new Error(`run: expected ${names.length} inputs (${names.join(", ")}), got ${arrays.length}`);
}

/** The error for an array that another backend made. */
export function foreign(name: string, backend: string): Error {
  return new Error(`input ${name}: expected an array of the backend ${backend}, got one of another backend`);
}

/** Bytes of a weight, without a copy; the packages of ONNX Runtime take no empty array. */
export function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return byteLength > 0 ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(1);
}
