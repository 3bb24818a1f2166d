/** Checks that every backend makes before calling ONNX Runtime. */
import { type DType, dtypeOf, type TypedArray } from "../dtype.ts";
import { formatShape, sizeOf } from "../shape.ts";
import type { DeviceArray, LoadOptions } from "./backend.ts";

/** `OrtLoggingLevel`. A failed call reports its error through its status: ONNX Runtime need not print it as well. */
export const LOG_FATAL = 4;

/** Formats an array for error messages: `float32 [2, 3]`. */
export function describe({ dtype, shape }: Pick<DeviceArray, "dtype" | "shape">): string {
  return `${dtype} ${formatShape(shape)}`;
}

/** Throws unless `data` holds exactly the elements of an array of this type and shape. */
export function checkUpload(data: TypedArray, dtype: DType, shape: readonly number[]): void {
  const what = `upload of ${describe({ dtype, shape })}`;
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new Error(`${what}: every extent of a shape must be a non-negative integer`);
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
 * Throws unless every output has a unique name: ONNX Runtime writes nothing to the memory of an output that is
 * also an input, nor to the first of two outputs of the same name.
 */
export function checkOutputs({ inputs, outputs }: LoadOptions): void {
  const names = new Set(inputs);
  for (const { name } of outputs) {
    if (names.has(name))
      throw new Error(`output ${name}: expected a unique name, but another input or output has it`);
    names.add(name);
  }
}

/** Throws unless there is one array per input. */
export function checkCount(names: readonly string[], arrays: readonly DeviceArray[]): void {
  if (names.length !== arrays.length)
    throw new Error(`run: expected ${names.length} inputs (${names.join(", ")}), got ${arrays.length}`);
}

/** The error for an array from another backend. */
export function foreign(name: string, backend: string): Error {
  return new Error(
    `input ${name}: expected an array from the backend ${backend}, got one from another backend`,
  );
}

/** The bytes of a weight, without a copy; one zero byte if empty, as ONNX Runtime's packages reject empty arrays. */
export function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return byteLength > 0 ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(1);
}
