/** NumPy arrays in files and pickles, as stored tensors. */
import { swapped } from "../byte-order.ts";
import { CheckpointError, showShape } from "../error.ts";
import { countElements, type ReadBytes, StoredTensor } from "../stored.ts";
import { storedBits } from "../stored-dtype.ts";
import { stridedReader } from "../strided.ts";
import type { NumpyElement } from "./dtype.ts";

export interface NumpyArrayInit extends NumpyElement {
  readonly name: string;
  readonly shape: readonly number[];
  /** The first axis is the innermost. */
  readonly fortran: boolean;
}

/** @throws CheckpointError unless the array has exactly `byteLength` bytes */
export function numpyTensor(init: NumpyArrayInit, read: ReadBytes, byteLength: number): StoredTensor {
  const { name, dtype, shape, fortran, bigEndian } = init;
  const expected = (countElements(shape) * storedBits(dtype)) / 8;
  if (expected !== byteLength)
    throw new CheckpointError(
      `${dtype} of shape ${showShape(shape)} takes ${expected} bytes, the file has ${byteLength}`,
    );
  const elements = bigEndian ? swapped(dtype, read) : read;
  const strides = fortran ? fortranStrides(shape) : fortranStrides(shape.toReversed()).reverse();
  const readBytes = stridedReader({ dtype, shape, strides, offset: 0 }, elements, byteLength);
  return new StoredTensor({ name, dtype, shape, readBytes });
}

function fortranStrides(shape: readonly number[]): number[] {
  let stride = 1;
  return shape.map((dim) => {
    const own = stride;
    stride *= Math.max(dim, 1);
    return own;
  });
}
