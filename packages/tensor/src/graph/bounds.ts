/** Indices that must lie inside their axis: what is checked, and when. */
import type { TypedArray } from "../dtype.ts";

/** The integers that an index may be. */
export interface Bounds {
  /** Names the index in the message: `crossEntropy: label`. */
  readonly what: string;
  readonly low: number;
  readonly high: number;
  /** A number that is allowed although it lies outside. */
  readonly ignore?: number | undefined;
}

/** The least and the greatest of some numbers, infinities where there are none. */
export type Extremes = readonly [least: number, greatest: number];

/** The extremes of integers, without those equal to `except`. */
export function extremesOf(values: TypedArray, except?: number): Extremes {
  // int64 by its words: a BigInt for each number took several times as long.
  const wide = values instanceof BigInt64Array;
  const words = wide ? new Int32Array(values.buffer, values.byteOffset, 2 * values.length) : values;
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const number = wide
      ? (words[2 * i + 1] as number) * 2 ** 32 + ((words[2 * i] as number) >>> 0)
      : (words[i] as number);
    if (number === except) continue;
    if (number < least) least = number;
    if (number > greatest) greatest = number;
  }
  return [least, greatest];
}

/** Throws a `RangeError` that names the number which lies outside. */
export function checkBounds({ what, low, high }: Bounds, [least, greatest]: Extremes): void {
  const outside = least < low ? least : greatest > high ? greatest : undefined;
  if (outside === undefined) return;
  const expected = high < low ? "an axis of no entries" : `${low}..${high}`;
  throw new RangeError(`${what} ${outside} is outside ${expected}`);
}
