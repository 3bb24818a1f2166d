/** Probes of arrays in golden files, and comparison of arrays with them. */
import type { Shape, Tensor } from "@tessera-ml/tensor";

export interface Probe {
  readonly shape: Shape;
  readonly mean: number;
  readonly std: number;
  /** Index of the largest entry in the flattened array. */
  readonly argmax?: number;
  /** `values[k]` is entry `k · step` of the flattened array. */
  readonly step: number;
  readonly values: readonly number[];
  /** The largest difference between single and double precision in the reference, in standard deviations. */
  readonly spread?: number;
}

/** The deviation from golden values, in standard deviations of the golden array, and a list of problems. */
export interface Comparison {
  readonly deviation: number;
  readonly problems: readonly string[];
}

/** Compares an array. Problems are deviations of more than `tolerance`; a NaN never agrees. */
export function compare(
  array: ArrayLike<number | bigint>,
  shape: Shape,
  probe: Probe,
  tolerance: number,
): Comparison {
  const count = probe.shape.reduce((a, b) => a * b, 1);
  if (shape.join() !== probe.shape.join() || array.length !== count) {
    const got = array.length === count ? "" : ` with ${array.length} entries`;
    return {
      deviation: Number.POSITIVE_INFINITY,
      problems: [`expected [${probe.shape.join(", ")}], got [${shape.join(", ")}]${got}`],
    };
  }
  const problems: string[] = [];
  const check = (what: string, off: number) => {
    if (!(off <= tolerance))
      problems.push(`${what} off by ${off.toExponential(1)} of std, over ${tolerance}`);
  };
  const { mean, std, largest } = statistics(array);
  const worst = deviation(array, probe);
  const unit = unitOf(probe);
  check("values", worst);
  check("mean", Math.abs(mean - probe.mean) / unit);
  check("std", Math.abs(std - probe.std) / unit);
  // Entries that tie within the tolerance may swap places.
  if (probe.argmax !== undefined) check("argmax", (largest - Number(array[probe.argmax])) / unit / 2);
  return { deviation: worst, problems };
}

/** Compares tensors by name; each problem starts with the name. */
export async function compareAll(
  outputs: ReadonlyMap<string, Tensor>,
  probes: ReadonlyMap<string, Probe>,
  tolerance: number,
): Promise<Comparison> {
  const problems: string[] = [];
  let worst = 0;
  for (const [name, probe] of probes) {
    const output = outputs.get(name);
    if (!output) {
      worst = Number.POSITIVE_INFINITY;
      problems.push(`${name}: no such output`);
      continue;
    }
    const one = compare(await output.data(), output.shape, probe, tolerance);
    worst = larger(worst, one.deviation);
    problems.push(...one.problems.map((problem) => `${name}: ${problem}`));
  }
  return { deviation: worst, problems };
}

/** The largest deviation from the values of a probe, in standard deviations of the golden array. */
export function deviation(array: ArrayLike<number | bigint>, probe: Probe): number {
  const unit = unitOf(probe);
  return probe.values
    .map((value, i) => Math.abs(Number(array[i * probe.step]) - value) / unit)
    .reduce(larger, 0);
}

/** The standard deviation; for a constant array its magnitude, or 1 if it is 0. */
function unitOf({ std, mean }: Probe): number {
  return std || Math.abs(mean) || 1;
}

/** The larger of two deviations; NaN if either is. */
function larger(a: number, b: number): number {
  return b <= a ? a : Number.isNaN(a) ? a : b;
}

function statistics(array: ArrayLike<number | bigint>): { mean: number; std: number; largest: number } {
  let [sum, squares, largest] = [0, 0, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < array.length; i++) {
    const value = Number(array[i]);
    sum += value;
    if (!(value <= largest)) largest = value;
  }
  const mean = sum / array.length;
  for (let i = 0; i < array.length; i++) squares += (Number(array[i]) - mean) ** 2;
  return { mean, std: Math.sqrt(squares / array.length), largest };
}
