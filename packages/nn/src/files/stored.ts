/** A tensor in a checkpoint of any format: its description, and its values on demand. */
import type { DType, TypedArray } from "@tessera-ml/tensor/dtype";
import { CheckpointError, locate, showName, showShape } from "./error.ts";
import { hostDType, type StoredDType, storedBits, toHost } from "./stored-dtype.ts";

/** Reads a part of the contiguous, row-major, little-endian bytes of a tensor. */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>;

export interface ReadOptions {
  /** The dtype for half-precision tensors: `"float16"` (default) or `"float32"`. */
  readonly float16?: "float16" | "float32";
}

export interface StoredTensorInit {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly readBytes: ReadBytes;
}

export class StoredTensor {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly size: number;
  /** Number of bytes of all elements, contiguous, as stored. */
  readonly byteLength: number;
  readonly #readBytes: ReadBytes;

  /** @throws CheckpointError for an invalid shape: negative, fractional, or too many elements to count */
  constructor(init: StoredTensorInit) {
    this.name = init.name;
    this.dtype = init.dtype;
    this.shape = init.shape;
    this.size = countElements(init.shape);
    const bits = this.size * storedBits(init.dtype);
    if (!Number.isSafeInteger(bits))
      throw new CheckpointError(`shape ${showShape(init.shape)} of ${init.dtype} is too large`);
    if (bits % 8 !== 0)
      throw new CheckpointError(`shape ${showShape(init.shape)} of ${init.dtype} does not fill whole bytes`);
    this.byteLength = bits / 8;
    this.#readBytes = init.readBytes;
  }

  /** The same tensor under another name. */
  rename(name: string): StoredTensor {
    return new StoredTensor({ name, dtype: this.dtype, shape: this.shape, readBytes: this.#readBytes });
  }

  /** The dtype that `read` returns; `undefined` if only `readBytes` works (complex, 4 and 6 bits). */
  hostDType(options: ReadOptions = {}): DType | undefined {
    const dtype = hostDType(this.dtype);
    return dtype === "float16" ? (options.float16 ?? "float16") : dtype;
  }

  /** Reads contiguous, row-major, little-endian bytes as stored: all of them, or a range of whole elements. */
  async readBytes(offset = 0, length: number = this.byteLength - offset): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const inside = offset >= 0 && length >= 0 && offset + length <= this.byteLength;
      const whole =
        (offset * 8) % storedBits(this.dtype) === 0 && (length * 8) % storedBits(this.dtype) === 0;
      if (!inside || !whole)
        throw new CheckpointError(
          `bytes ${offset} to ${offset + length} are out of range for ${this.byteLength} bytes of ${this.dtype}`,
        );
      return await this.#readBytes(offset, length);
    } catch (error) {
      throw locate(showName(this.name), error);
    }
  }

  /**
   * Reads all elements, row-major, into an array of the closest host dtype: `BF16`, `F64` and 8-bit floats as
   * float32, `I16`, `I8` and `U16` as int32, `U32` and `U64` as int64.
   */
  async read(options: ReadOptions = {}): Promise<TypedArray> {
    return this.#convert(await this.readBytes(), options);
  }

  /** Reads only the rows `start` to `end` (exclusive) along the first axis. */
  async readRange(start: number, end: number, options: ReadOptions = {}): Promise<TypedArray> {
    const rows = this.shape[0];
    if (
      rows === undefined ||
      !Number.isInteger(start) ||
      !Number.isInteger(end) ||
      start < 0 ||
      end < start ||
      end > rows
    )
      throw new CheckpointError(
        `${showName(this.name)}: rows ${start} to ${end} are out of range for shape ${showShape(this.shape)}`,
      );
    const rowBytes = rows === 0 ? 0 : this.byteLength / rows;
    if (!Number.isInteger(rowBytes))
      throw new CheckpointError(`${showName(this.name)}: rows of ${this.dtype} do not fill whole bytes`);
    return this.#convert(await this.readBytes(start * rowBytes, (end - start) * rowBytes), options);
  }

  #convert(bytes: Uint8Array<ArrayBuffer>, options: ReadOptions): TypedArray {
    try {
      const data = toHost(this.dtype, bytes);
      return data instanceof Float16Array && options.float16 === "float32" ? new Float32Array(data) : data;
    } catch (error) {
      throw locate(showName(this.name), error);
    }
  }
}

/** A tensor to write: its values, or a function that provides them when needed. */
export interface TensorData {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray | (() => TypedArray | Promise<TypedArray>);
}

/** The product of a shape. @throws CheckpointError if it is not a valid count */
export function countElements(shape: readonly number[]): number {
  let count = 1;
  let empty = false;
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw new CheckpointError(`${showShape(shape)} is not a shape`);
    // Check the other sizes even if one is zero: [0, 2^40, 2^40] overflows integer arithmetic elsewhere.
    if (dim === 0) empty = true;
    else count *= dim;
    if (!Number.isSafeInteger(count)) throw new CheckpointError(`shape ${showShape(shape)} is too large`);
  }
  return empty ? 0 : count;
}
