/** Deterministic inputs, identical in every language (the twin of tools/fixtures/operators/formula.py). */

function fnv1a32(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** `count` values in [-1, 1), determined by the name and the index alone. */
export function uniform(name: string, count: number): Float64Array<ArrayBuffer> {
  const seed = fnv1a32(name);
  return Float64Array.from({ length: count }, (_, i) => {
    let x = Math.imul(i, 0x9e3779b1) + seed;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x ^= x >>> 16;
    return (x >>> 8) * 2 ** -23 - 1;
  });
}
