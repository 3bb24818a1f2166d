/**
 * Data by formula: every contestant generates the same arrays from their names, in any language, without files.
 * `peers/torch_peer.py` has the same functions.
 */

/** The 32-bit finaliser of MurmurHash3: neighbouring counters give uncorrelated bits. */
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

/** `length` numbers, uniform in `center` ± `scale`, determined by the name. */
export function uniform(name: string, length: number, scale = 1, center = 0): Float32Array<ArrayBuffer> {
  const seed = seedOf(name);
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    out[i] = center + scale * (mix(Math.imul(i, 0x9e3779b1) + seed) / 2 ** 31 - 1);
  }
  return out;
}

/** Initial value of a parameter or buffer: variance-preserving for matrices and kernels, near 1 for scales. */
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
 * Fingerprint of an array in PyTorch's layout: its Euclidean norm, then its projections on eight fixed
 * directions, which reveal a wrong value, sign or order.
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
