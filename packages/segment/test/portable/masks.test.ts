/** Run lengths, small regions, J and F. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  boundaryAccuracy,
  decodeRle,
  encodeRle,
  type Mask,
  maskArea,
  regionSimilarity,
  rleArea,
  rleFromString,
  rleToString,
  VideoScores,
  withoutSmall,
} from "../../src/index.ts";

/** Rows of `.` and `#`. */
function draw(...rows: string[]): Mask {
  const [width, height] = [rows[0]!.length, rows.length];
  return { width, height, data: Uint8Array.from(rows.join(""), (pixel) => (pixel === "#" ? 1 : 0)) };
}

const masks = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([width, height]) =>
    fc
      .array(fc.integer({ min: 0, max: 1 }), { minLength: width * height, maxLength: width * height })
      .map((pixels): Mask => ({ width, height, data: Uint8Array.from(pixels) })),
  );

describe("run lengths", () => {
  test("every mask comes back, from counts and from strings", async () => {
    await fc.assert(
      fc.property(masks, (mask) => {
        const rle = encodeRle(mask);
        expect(rleArea(rle)).toBe(maskArea(mask));
        expect(rleFromString(rleToString(rle), rle.size)).toEqual(rle);
        expect(decodeRle(rle)).toEqual(mask);
      }),
    );
  });

  test("strings hold any counts below 2^31", async () => {
    await fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 30 })), (counts) => {
        expect(rleFromString(rleToString({ size: [1, 1], counts }), [1, 1]).counts).toEqual(counts);
      }),
    );
  });

  test("run down the columns, zeros first", () => {
    expect(encodeRle(draw("#..", "##."))).toEqual({ size: [2, 3], counts: [0, 2, 1, 1, 2] });
  });

  test("runs that do not fill the mask, and broken strings, are refused", () => {
    expect(() => decodeRle({ size: [2, 3], counts: [4, 1] })).toThrow(
      "decodeRle: expected runs of 6 pixels in all for 2 x 3, got 5",
    );
    expect(() => decodeRle({ size: [2, 3], counts: [7, -1] })).toThrow("decodeRle");
    expect(() => rleFromString("0P", [2, 3])).toThrow('got "0P" (at 2)');
    expect(() => rleFromString("0\n", [2, 3])).toThrow("(at 1)");
  });
});

describe("small regions", () => {
  test("a hole that touches the outside at a corner is none", () => {
    const closed = draw("#####", "#...#", "#####");
    expect(withoutSmall(closed, 4, "holes")).toEqual(draw("#####", "#####", "#####"));
    const open = draw("####.", "#...#", "#####");
    expect(withoutSmall(open, 4, "holes")).toBe(open);
  });

  test("of small islands only, the first of the largest stays", () => {
    expect(withoutSmall(draw("#.##.##", "......."), 9, "islands")).toEqual(draw("..##...", "......."));
  });
});

describe("J and F", () => {
  const square = draw(".....", ".###.", ".###.", ".###.", ".....");
  const shifted = draw(".....", "..###", "..###", "..###", ".....");
  const empty = draw(".....", ".....", ".....", ".....", ".....");

  test("equal masks and two empty ones have 1, a mask and an empty one 0", () => {
    for (const score of [regionSimilarity, boundaryAccuracy]) {
      expect(score(square, square)).toBe(1);
      expect(score(empty, empty)).toBe(1);
      expect(score(square, empty)).toBe(0);
      expect(score(empty, square)).toBe(0);
    }
    expect(regionSimilarity(square, shifted)).toBe(6 / 12);
    expect(boundaryAccuracy(square, shifted)).toBe(1); // within a pixel
  });

  test("a prediction of another size is refused", () => {
    expect(() => new VideoScores().add(square, draw("##", "##"))).toThrow(
      "prediction: expected 5 x 5 pixels as in the truth, got 2 x 2",
    );
  });
});
