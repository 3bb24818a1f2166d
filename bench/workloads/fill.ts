/**
 * Data by formula: every contestant fills the same arrays from their names, in any language, without files.
 * `peers/torch_peer.py` holds the same three functions.
 */

/** 32-bit finaliser of MurmurHash3: neighbouring counters give unrelated bits. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a over the characters of an ASCII name. */
function seedOf(name: string): number {
  let h = 0x811c9dc5;
  for (const character of name) h = Math.imul(h ^ character.charCodeAt(0), 0x01000193);
  return h;
}

/** `length` numbers, uniform in `center` ± `scale`, that depend on the name alone. */
export function uniform(name: string, length: number, scale = 1, center = 0): Float32Array<ArrayBuffer> {
  const seed = seedOf(name);
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    out[i] = center + scale * (mix(Math.imul(i, 0x9e3779b1) + seed) / 2 ** 31 - 1);
  }
  return out;
}

/** Starting value of a parameter or buffer: unit variance through matrices and kernels, near one for scales. */
export function parameter(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const length = shape.reduce((a, b) => a * b, 1);
  if (shape.length > 1) return uniform(name, length, Math.sqrt((3 * shape[0]!) / length));
  const isScale = name.endsWith(".weight") || name.endsWith(".running_var");
  return uniform(name, length, 0.1, isScale ? 1 : 0);
}

/** Class labels 0 to 9 for a batch. */
export function labels(batch: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: batch }, (_, i) => (i * 7) % 10);
}

/**
 * Fingerprint of an array in the layout of PyTorch: its length in the Euclidean norm, then eight projections on
 * fixed directions, so that a wrong value, sign or order shows.
 */
export function digest(data: Float32Array): number[] {
  let squares = 0;
  const projections = new Array<number>(8).fill(0);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    squares += value * value;
    for (let k = 0; k < 8; k++) projections[k]! += value * (mix(Math.imul(i, 8) + k) / 2 ** 31 - 1);
  }
  return [Math.sqrt(squares), ...projections];
}
