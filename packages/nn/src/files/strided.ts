/** Reading strided arrays as contiguous bytes: views, transposes, Fortran order. */
import { CheckpointError, showShape } from "./error.ts";
import { countElements, type ReadBytes } from "./stored.ts";
import { type StoredDType, storedBits } from "./stored-dtype.ts";

/** A view of a storage, in elements, as PyTorch describes its tensors. */
export interface StridedView {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

// A view may repeat its storage (expand). With more elements than this, it is not a weight but an attempt to fill
// memory from a tiny file.
const MAX_REPEATED = 2 ** 28;
// The limit of NumPy and of PyTorch.
export const MAX_RANK = 64;

/**
 * Reads the view as contiguous row-major bytes from a `storage` of `storageBytes` bytes.
 *
 * @throws CheckpointError if the view extends beyond the storage
 */
export function stridedReader(view: StridedView, storage: ReadBytes, storageBytes: number): ReadBytes {
  const { dtype, shape, strides, offset } = view;
  const itemBytes = storedBits(dtype) / 8;
  const size = checkView(view, Math.floor(storageBytes / itemBytes));
  if (size === 0 || isContiguous(shape, strides))
    return (start, length) => storage(offset * itemBytes + start, length);

  return async (start, length) => {
    if (length === 0) return new Uint8Array(0);
    const first = start / itemBytes;
    const count = length / itemBytes;
    // Read only the requested rows: the span from the first byte they touch to the last.
    const rowSize = size / (shape[0] as number);
    const firstRow = Math.floor(first / rowSize);
    const lastRow = Math.floor((first + count - 1) / rowSize);
    const low = firstRow * (strides[0] as number);
    const high = extent([lastRow + 1, ...shape.slice(1)], strides);
    const span = await storage((offset + low) * itemBytes, (high - low) * itemBytes);
    const out = new Uint8Array(length);
    gather(span, out, { itemBytes, shape, strides, first, low });
    return out;
  };
}

/** Validates the view and returns its number of elements. */
function checkView({ shape, strides, offset }: StridedView, available: number): number {
  if (shape.length > MAX_RANK)
    throw new CheckpointError(`${shape.length} axes, at most ${MAX_RANK} are supported`);
  if (
    strides.length !== shape.length ||
    ![offset, ...strides].every((n) => Number.isSafeInteger(n) && n >= 0)
  )
    throw new CheckpointError(
      `strides ${showShape(strides)} and offset ${offset} do not fit the shape ${showShape(shape)}`,
    );
  const size = countElements(shape);
  const end = size === 0 ? offset : offset + extent(shape, strides);
  if (end > available)
    throw new CheckpointError(
      `shape ${showShape(shape)} with strides ${showShape(strides)} from element ${offset} needs ${end} elements, ` +
        `the storage has ${available}`,
    );
  if (size > available && size > MAX_REPEATED)
    throw new CheckpointError(
      `shape ${showShape(shape)} expands a storage of ${available} elements to more than ${MAX_REPEATED}`,
    );
  return size;
}

/** The number of elements spanned, from the first to the last inclusive; no axis may be empty. */
function extent(shape: readonly number[], strides: readonly number[]): number {
  return shape.reduce((sum, dim, axis) => sum + (dim - 1) * (strides[axis] as number), 1);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dim = shape[axis] as number;
    if (dim !== 1 && strides[axis] !== expected) return false;
    expected *= dim;
  }
  return true;
}

interface GatherPlan {
  readonly itemBytes: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** The row-major index of the first element. */
  readonly first: number;
  /** The storage element where `span` starts, relative to the offset of the view. */
  readonly low: number;
}

function gather(span: Uint8Array<ArrayBuffer>, out: Uint8Array<ArrayBuffer>, plan: GatherPlan): void {
  const { itemBytes, shape, strides } = plan;
  // Copy in words of at most 4 bytes: a Float64Array could change integers that look like a NaN.
  const parts = Math.max(1, itemBytes / 4);
  const from = words(span, itemBytes / parts);
  const to = words(out, itemBytes / parts);
  const last = shape.length - 1;
  const lastDim = shape[last] as number;
  const step = (strides[last] as number) * parts;
  const index = unravel(plan.first, shape);
  for (let done = 0; done < to.length; ) {
    const element = index.reduce((sum, i, axis) => sum + i * (strides[axis] as number), -plan.low);
    const run = Math.min((lastDim - (index[last] as number)) * parts, to.length - done);
    for (let at = element * parts, end = done + run; done < end; at += step)
      for (let part = 0; part < parts; part++) to[done++] = from[at + part] as number;
    index[last] = lastDim;
    for (let axis = last; axis > 0 && index[axis] === shape[axis]; axis--) {
      index[axis] = 0;
      index[axis - 1] = (index[axis - 1] as number) + 1;
    }
  }
}

/** The multi-dimensional index of row-major element `number`. */
function unravel(number: number, shape: readonly number[]): number[] {
  const index = shape.map(() => 0);
  let rest = number;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dim = shape[axis] as number;
    index[axis] = rest % dim;
    rest = Math.floor(rest / dim);
  }
  return index;
}

function words(bytes: Uint8Array<ArrayBuffer>, wordBytes: number): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset } = bytes.byteOffset % wordBytes === 0 ? bytes : bytes.slice();
  const length = bytes.byteLength / wordBytes;
  if (wordBytes === 1) return new Uint8Array(buffer, byteOffset, length);
  if (wordBytes === 2) return new Uint16Array(buffer, byteOffset, length);
  return new Uint32Array(buffer, byteOffset, length);
}
