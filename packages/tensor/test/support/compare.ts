/** Comparing arrays with stored values. */
import type { DType, TypedArray } from "../../src/dtype.ts";
import { uniform } from "./uniform.ts";

/** A number; "nan", "inf", "-inf" and integers beyond 2^53 are strings. */
export type Entry = number | string;

/** An array in a fixture: all values, or every `step`-th value plus statistics over all. */
export interface StoredArray {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: readonly Entry[];
  readonly step?: number;
  /** Standard deviation over all entries. */
  readonly std?: Entry;
  /** Σ entry i · `uniform("probe")[i]`: sensitive to a change in any entry and to swapped entries. */
  readonly dot?: Entry;
}

/** `|a - e| <= rtol |e| + atol max(1, largest |e|)`. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

const WORDS: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};

export function numberOf(entry: Entry): number {
  return typeof entry === "number" ? entry : (WORDS[entry] ?? Number(entry));
}

/** Describes a mismatch, with the index of the worst entry; `undefined` if the arrays agree. */
export function mismatch(
  actual: { shape: readonly number[]; dtype: DType; data: TypedArray },
  expected: StoredArray,
  { rtol, atol }: Tolerance,
): string | undefined {
  if (actual.dtype !== expected.dtype) return `expected ${expected.dtype}, got ${actual.dtype}`;
  if (`${actual.shape}` !== `${expected.shape}`)
    return `expected the shape [${expected.shape}], got [${actual.shape}]`;

  const { data } = actual;
  const step = expected.step ?? 1;
  const largest = expected.values.reduce<number>((most, entry) => {
    const size = Math.abs(numberOf(entry));
    return Number.isFinite(size) ? Math.max(most, size) : most;
  }, 1);
  let worst = { excess: 1, at: -1 };
  let wrong = 0;
  expected.values.forEach((entry, k) => {
    const [a, e] = [data[k * step] as number | bigint, numberOf(entry)];
    const excess = excessOf(a, entry, rtol * Math.abs(e) + atol * largest);
    if (excess > 1) wrong++;
    if (excess > worst.excess) worst = { excess, at: k };
  });
  if (wrong > 0) {
    const [a, e] = [data[worst.at * step], expected.values[worst.at]];
    const place = placeOf(worst.at * step, expected.shape);
    return `${wrong} of ${expected.values.length} compared entries differ, most at [${place}]: expected ${e}, got ${a}`;
  }

  if (expected.dot === undefined) return undefined;
  const weights = uniform("probe", data.length);
  const dot = weights.reduce((sum, weight, i) => sum + weight * Number(data[i]), 0);
  const allowed = (rtol * numberOf(expected.std ?? 0) + atol * largest) * Math.sqrt(data.length);
  if (Math.abs(dot - numberOf(expected.dot)) <= allowed) return undefined;
  return `the compared entries agree, but the weighted sum of all ${data.length} is ${dot}, expected ${expected.dot}`;
}

/** The error of `actual` in multiples of the tolerance. */
function excessOf(actual: number | bigint, entry: Entry, allowed: number): number {
  if (typeof actual === "bigint") return `${actual}` === `${entry}` ? 0 : Number.POSITIVE_INFINITY;
  const expected = numberOf(entry);
  if (Object.is(actual, expected) || actual === expected) return 0;
  const off = Math.abs(actual - expected);
  return Number.isFinite(off) ? off / allowed : Number.POSITIVE_INFINITY;
}

function placeOf(flat: number, shape: readonly number[]): string {
  const place: number[] = [];
  let rest = flat;
  for (const extent of shape.toReversed()) {
    place.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return place.join(", ");
}
