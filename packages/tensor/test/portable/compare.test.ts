import { expect, test } from "vitest";
import { type Entry, mismatch, type StoredArray } from "../support/compare.ts";
import { uniform } from "../support/uniform.ts";

const TOLERANCE = { rtol: 1e-5, atol: 1e-6 };
const expected: StoredArray = { shape: [2, 3], dtype: "float32", values: [1, -2, 3, "nan", "inf", 0] };

function against(values: number[], stored: StoredArray = expected): string | undefined {
  return mismatch(
    { shape: stored.shape, dtype: "float32", data: Float32Array.from(values) },
    stored,
    TOLERANCE,
  );
}

test("the formula gives the same values as the Python version", () => {
  expect(Array.from(uniform("input", 3))).toEqual(FIRST_OF_INPUT);
});
// u("input", 0 .. 2), from tools/fixtures/operators/formula.py.
const FIRST_OF_INPUT = [0.5980662107467651, -0.7767595052719116, -0.8749638795852661];

test("equal arrays agree, up to rounding errors", () => {
  expect(against([1, -2, 3, Number.NaN, Number.POSITIVE_INFINITY, 0])).toBeUndefined();
  expect(against([1.000005, -2, 3, Number.NaN, Number.POSITIVE_INFINITY, 1e-6])).toBeUndefined();
});

test("the worst entry is named by its index", () => {
  const message = against([1, -2.1, 3, Number.NaN, Number.POSITIVE_INFINITY, 0.5]);
  expect(message).toMatch(/2 of 6 .* most at \[1, 2\]: expected 0, got 0\.5/);
});

test.each([
  ["a number instead of NaN", [1, -2, 3, 4, Number.POSITIVE_INFINITY, 0]],
  ["NaN instead of a number", [Number.NaN, -2, 3, Number.NaN, Number.POSITIVE_INFINITY, 0]],
  ["infinity of the wrong sign", [1, -2, 3, Number.NaN, Number.NEGATIVE_INFINITY, 0]],
  ["a large number instead of infinity", [1, -2, 3, Number.NaN, 3e38, 0]],
])("%s is detected", (_, values) => {
  expect(against(values)).toMatch(/1 of 6/);
});

test("dtype and shape are compared first", () => {
  const data = new Float32Array(6);
  expect(mismatch({ shape: [3, 2], dtype: "float32", data }, expected, TOLERANCE)).toMatch(
    /the shape \[2,3\]/,
  );
  expect(mismatch({ shape: [2, 3], dtype: "float16", data }, expected, TOLERANCE)).toMatch(
    /expected float32/,
  );
});

test("int64 beyond 2^53 is compared digit by digit", () => {
  const stored: StoredArray = { shape: [1], dtype: "int64", values: ["9007199254740993"] };
  const compare = (value: bigint) =>
    mismatch({ shape: [1], dtype: "int64", data: BigInt64Array.of(value) }, stored, TOLERANCE);
  expect(compare(9007199254740993n)).toBeUndefined();
  expect(compare(9007199254740992n)).toMatch(/1 of 1/);
});

test("the probe detects changes in entries that are not stored", () => {
  const values = uniform("values", 200);
  const dot = uniform("probe", 200).reduce((sum, weight, i) => sum + weight * (values[i] as number), 0);
  const step = 10;
  const every = Array.from(values).filter((_, i) => i % step === 0) as Entry[];
  const stored: StoredArray = { shape: [200], dtype: "float32", values: every, step, std: 0.57, dot };
  expect(against([...values], stored)).toBeUndefined();
  const changed = [...values];
  changed[101] = (changed[101] as number) + 0.01;
  expect(against(changed, stored)).toMatch(/weighted sum of all 200/);
  const exchanged = [...values];
  [exchanged[101], exchanged[102]] = [values[102] as number, values[101] as number];
  expect(against(exchanged, stored)).toMatch(/weighted sum of all 200/);
});
