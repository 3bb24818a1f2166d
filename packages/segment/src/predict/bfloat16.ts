/** Memories are rounded to bfloat16, as in the authors' code, where they are stored so. */
import type { Tensor } from "@tessera-ml/tensor";

/** Rounds to nearest, ties to even. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16);
}

export function fromBfloat16(values: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(values, (half) => half << 16).buffer);
}

/**
 * Rounds a float32 to the 8 digits of bfloat16 where it lies, by Veltkamp's splitting (Dekker 1971). Ties may go to either
 * side.
 */
export function roundBfloat16(x: Tensor): Tensor {
  const wide = x.mul(2 ** 16 + 1);
  return wide.sub(wide.sub(x));
}
