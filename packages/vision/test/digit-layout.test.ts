/** The layout of drawn digits for networks trained on MNIST or USPS. */
import { Image } from "@tessera-ml/media";
import { expect, test } from "vitest";
import { findDigit } from "../src/pipeline/digit.ts";

/** A seven, dark on light, 30 wide and 60 high, off-centre in 100x80. */
function seven(): Image {
  const image = new Image(100, 80, 1, new Uint8Array(8000).fill(240));
  const ink = (x: number, y: number) => image.data.fill(20, y * 100 + x, y * 100 + x + 10);
  for (let x = 12; x <= 32; x++) for (let y = 10; y < 20; y++) ink(x, y);
  for (let y = 10; y < 70; y++) ink(32, y);
  return image;
}

/** [first, last] row and column with ink, and the centre of mass. */
function extent({ width, height, data }: Image) {
  const on = (x: number, y: number) => (data[y * width + x] as number) > 40;
  const rows = Array.from({ length: height }, (_, y) => y);
  const columns = Array.from({ length: width }, (_, x) => x);
  const inRow = rows.filter((y) => columns.some((x) => on(x, y)));
  const inColumn = columns.filter((x) => rows.some((y) => on(x, y)));
  const mass = data.reduce((a, b) => a + b);
  const centre = (at: (i: number) => number) => data.reduce((sum, v, i) => sum + v * (at(i) + 0.5), 0) / mass;
  return {
    rows: [inRow[0], inRow.at(-1)] as [number, number],
    columns: [inColumn[0], inColumn.at(-1)] as [number, number],
    x: centre((i) => i % width),
    y: centre((i) => Math.floor(i / width)),
  };
}

test("MNIST: 20 pixels high, its centre of mass at the centre of 28x28", () => {
  const { digit, seen } = findDigit(seven());
  const { rows, x, y } = extent(digit);
  expect([digit.width, digit.height]).toEqual([28, 28]);
  expect(rows[1] - rows[0] + 1).toBe(20);
  expect(Math.abs(x - 14)).toBeLessThan(0.6);
  expect(Math.abs(y - 14)).toBeLessThan(0.6);
  expect(seen.width).toBeCloseTo((28 * 60) / 20, 5);
});

test("USPS: fills the height of 16x16, its bounding box centred", () => {
  const { digit, seen } = findDigit(seven(), "usps");
  const { rows, columns } = extent(digit);
  expect([digit.width, digit.height]).toEqual([16, 16]);
  expect(rows).toEqual([0, 15]);
  expect(columns).toEqual([4, 11]);
  expect(seen).toMatchObject({ top: 10, width: 60, height: 60 });
});

test("an image already in either layout stays unchanged, and its negative is inverted", () => {
  for (const layout of ["mnist", "usps"] as const) {
    const { digit } = findDigit(seven(), layout);
    const soft = new Image(
      digit.width,
      digit.height,
      1,
      digit.data.map((value, i) => (value < 40 ? 30 : value - (i % 40))),
    );
    expect(findDigit(soft, layout).digit).toBe(soft);
    const negative = new Image(
      digit.width,
      digit.height,
      1,
      digit.data.map((value) => 255 - value),
    );
    expect(findDigit(negative, layout).digit.data).toEqual(digit.data);
  }
});

test("a real digit of either data set stays unchanged", () => {
  for (const layout of ["mnist", "usps"] as const) {
    const { digit } = findDigit(seven(), layout);
    expect(findDigit(digit, layout).digit.data).toEqual(digit.data);
  }
});
