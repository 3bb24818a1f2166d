/** Means over images, with their uncertainty. */

export interface Mean {
  readonly mean: number;
  /** Half of the 95 % interval of the mean; NaN for fewer than two values. */
  readonly interval: number;
  readonly count: number;
}

/** Of Student's t distribution with 1 to 30 degrees of freedom: 97.5 % lie below. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/**
 * The mean of independent values and its 95 % interval by Student's t distribution. Values that are not finite are left
 * out.
 */
export function meanWithInterval(values: readonly number[]): Mean {
  const finite = values.filter(Number.isFinite);
  const count = finite.length;
  const mean = finite.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, interval: Number.NaN, count };
  const variance = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  // Beyond 30 degrees of freedom, the first terms of the expansion around the normal distribution.
  const t = T[count - 2] ?? 1.95996 + 2.3723 / (count - 1) + 2.822 / (count - 1) ** 2;
  return { mean, interval: t * Math.sqrt(variance / count), count };
}
