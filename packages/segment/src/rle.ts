/** Run lengths of masks as in COCO: column by column, zeros first, as numbers or as the string of its annotation files. */
import type { Mask } from "./mask.ts";

export interface Rle {
  readonly size: readonly [height: number, width: number];
  /** Pixels of 0, of 1, of 0, … down the columns. */
  readonly counts: readonly number[];
}

export function encodeRle({ width, height, data }: Mask): Rle {
  const counts: number[] = [];
  let [value, run] = [0, 0];
  for (let x = 0; x < width; x++)
    for (let y = 0; y < height; y++) {
      const next = data[y * width + x]!;
      if (next === value) run++;
      else {
        counts.push(run);
        [value, run] = [next, 1];
      }
    }
  counts.push(run);
  return { size: [height, width], counts };
}

/** @throws RangeError if the runs do not fill the mask */
export function decodeRle({ size: [height, width], counts }: Rle): Mask {
  const total = counts.reduce((a, b) => a + b, 0);
  if (total !== height * width || counts.some((run) => !Number.isInteger(run) || run < 0))
    throw new RangeError(
      `decodeRle: expected runs of ${height * width} pixels in all for ${height} x ${width}, got ${total}`,
    );
  const data = new Uint8Array(height * width);
  let at = 0;
  for (const [i, run] of counts.entries()) {
    if (i % 2 === 1)
      for (let k = at; k < at + run; k++) data[(k % height) * width + Math.floor(k / height)] = 1;
    at += run;
  }
  return { width, height, data };
}

/** Pixels of the object. */
export function rleArea({ counts }: Rle): number {
  return counts.reduce((sum, run, i) => (i % 2 === 1 ? sum + run : sum), 0);
}

/**
 * COCO's string: each run, from the fourth on as the difference to the one before the last, in groups of five bits, lowest
 * first; a sixth bit says that more follow, and 48 is added.
 */
export function rleToString({ counts }: Rle): string {
  let text = "";
  for (const [i, run] of counts.entries()) {
    let rest = i > 2 ? run - (counts[i - 2] as number) : run;
    for (let more = true; more; ) {
      const bits = rest & 31;
      rest >>= 5;
      // The highest bit of the last group is the sign.
      more = bits & 16 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(48 + bits + (more ? 32 : 0));
    }
  }
  return text;
}

/** @throws RangeError if the string ends within a number, or has other characters */
export function rleFromString(text: string, size: Rle["size"]): Rle {
  const counts: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    for (let shift = 0, more = true; more; shift += 5, at++) {
      const code = text.charCodeAt(at) - 48;
      if (!(code >= 0 && code < 64) || shift > 30)
        throw new RangeError(
          `rleFromString: expected COCO's run lengths, got ${JSON.stringify(text.slice(0, 40))} (at ${at})`,
        );
      more = (code & 32) !== 0;
      value |= (code & 31) << shift;
      if (!more && code & 16 && shift < 27) value |= -1 << (shift + 5);
    }
    counts.push(counts.length > 2 ? value + (counts.at(-2) as number) : value);
  }
  return { size, counts };
}
