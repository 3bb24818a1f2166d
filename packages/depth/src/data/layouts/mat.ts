/** Arrays of real numbers in files of MATLAB's format 5 (MAT-File Format, MathWorks, chapter 1). Node only. */
import { readFile } from "node:fs/promises";
import { inflateSync } from "node:zlib";

/** Bytes and reader of an element type. */
const NUMBERS: Readonly<Record<number, readonly [bytes: number, (view: DataView, at: number) => number]>> = {
  1: [1, (view, at) => view.getInt8(at)],
  2: [1, (view, at) => view.getUint8(at)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [2, (view, at) => view.getUint16(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getUint32(at, true)],
  7: [4, (view, at) => view.getFloat32(at, true)],
  9: [8, (view, at) => view.getFloat64(at, true)],
  12: [8, (view, at) => Number(view.getBigInt64(at, true))],
  13: [8, (view, at) => Number(view.getBigUint64(at, true))],
};
const [MATRIX, COMPRESSED] = [14, 15];
const HEADER = 128;

/**
 * The numeric arrays of a file by name, flat in MATLAB's order. Other variables are left out.
 *
 * @throws Error naming the file if it has another format, or is damaged
 */
export async function readMat(path: string): Promise<Map<string, Float64Array>> {
  const bytes = await readFile(path);
  if (
    !bytes.toString("latin1", 0, 10).startsWith("MATLAB 5.0") ||
    bytes.toString("latin1", 126, 128) !== "IM"
  )
    throw new Error(`${path}: expected a little-endian file of MATLAB's format 5`);
  const arrays = new Map<string, Float64Array>();
  try {
    for (const { type, data } of elementsOf(bytes.subarray(HEADER))) {
      const [matrix] = type === COMPRESSED ? [...elementsOf(inflateSync(data))] : [{ type, data }];
      if (matrix?.type !== MATRIX) continue;
      // Flags, dimensions, name, real part.
      const [, , name, real] = [...elementsOf(matrix.data)];
      if (name && real && real.type in NUMBERS)
        arrays.set(new TextDecoder().decode(name.data), numbersOf(real));
    }
  } catch (error) {
    throw new Error(`${path}: damaged`, { cause: error });
  }
  return arrays;
}

interface Element {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Type and length, then the data, filled up to 8 bytes; up to 4 bytes may share the first 8 with both. */
function* elementsOf(bytes: Uint8Array): Generator<Element> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const word = view.getUint32(at, true);
    const isSmall = word >>> 16 !== 0;
    const [type, length] = isSmall ? [word & 0xffff, word >>> 16] : [word, view.getUint32(at + 4, true)];
    const start = at + (isSmall ? 4 : 8);
    yield { type, data: bytes.subarray(start, start + length) };
    // Compressed elements are not filled up.
    at = isSmall ? at + 8 : start + (type === COMPRESSED ? length : Math.ceil(length / 8) * 8);
  }
}

function numbersOf({ type, data }: Element): Float64Array {
  const [bytes, read] = NUMBERS[type]!;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Float64Array.from({ length: data.length / bytes }, (_, i) => read(view, i * bytes));
}
