/** Random numbers from a generator that the caller owns and seeds. */

/** Returns a number in [0, 1). */
export type Random = () => number;

export function uniform(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}

/** An integer from 0 to `count - 1`. */
export function integer(random: Random, count: number): number {
  return Math.floor(random() * count);
}

/** Standard normal (Box and Muller 1958). */
export function normal(random: Random): number {
  // 1 - x is never 0, so the logarithm is finite.
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Gamma with unit scale (Marsaglia and Tsang 2000). */
function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = normal(random);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

export function beta(random: Random, a: number, b: number): number {
  const x = gamma(random, a);
  const y = gamma(random, b);
  // Both can underflow to 0 for tiny parameters; the limit is then one of the two ends.
  return x + y === 0 ? Math.round(random()) : x / (x + y);
}

/** 0 to `count - 1` in random order (Fisher–Yates). */
export function permutation(random: Random, count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = integer(random, i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
