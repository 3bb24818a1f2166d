/** Memories are kept as bfloat16, as in the authors' code: half the size, and the same rounding. */

/** Rounds to nearest, ties to even. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16);
}

export function fromBfloat16(values: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(values, (half) => half << 16).buffer);
}
