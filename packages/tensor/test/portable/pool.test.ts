import { expect, test } from "vitest";
import {
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type IndexedMaxima,
  type MaxPoolOptions,
  type MaxUnpoolOptions,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
  type PerAxis,
  type Tensor,
  zeros,
} from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args extends MaxPoolOptions, AvgPoolOptions {
  kernel: PerAxis;
  outputSize: PerAxis;
  padding?: number | number[];
}

const both = ({ values, indices }: IndexedMaxima) => [values, indices];
/** Pools and unpools; squares in between, so that the result is more than a mask. */
const roundTrip =
  (
    pool: (x: Tensor, kernel: PerAxis, options: MaxPoolOptions) => IndexedMaxima,
    unpool: (x: Tensor, indices: Tensor, kernel: PerAxis, options: MaxUnpoolOptions) => Tensor,
  ) =>
  ({ kernel, outputSize, ...options }: Args, x: Tensor) => {
    const { values, indices } = pool(x, kernel, options);
    return unpool(values.square(), indices, kernel, { ...options, ...(outputSize && { outputSize }) });
  };

await check<Args>("pool", {
  maxPool1d: ({ kernel, ...options }, x) => maxPool1d(x, kernel, options),
  maxPool2d: ({ kernel, ...options }, x) => maxPool2d(x, kernel, options),
  maxPool3d: ({ kernel, ...options }, x) => maxPool3d(x, kernel, options),
  avgPool1d: ({ kernel, ...options }, x) => avgPool1d(x, kernel, options),
  avgPool2d: ({ kernel, ...options }, x) => avgPool2d(x, kernel, options),
  avgPool3d: ({ kernel, ...options }, x) => avgPool3d(x, kernel, options),
  adaptiveAvgPool1d: ({ outputSize }, x) => adaptiveAvgPool1d(x, outputSize),
  adaptiveAvgPool2d: ({ outputSize }, x) => adaptiveAvgPool2d(x, outputSize),
  adaptiveAvgPool3d: ({ outputSize }, x) => adaptiveAvgPool3d(x, outputSize),
  adaptiveMaxPool1d: ({ outputSize }, x) => adaptiveMaxPool1d(x, outputSize),
  adaptiveMaxPool2d: ({ outputSize }, x) => adaptiveMaxPool2d(x, outputSize),
  adaptiveMaxPool3d: ({ outputSize }, x) => adaptiveMaxPool3d(x, outputSize),
  maxPool1dWithIndices: ({ kernel, ...options }, x) => both(maxPool1dWithIndices(x, kernel, options)),
  maxPool2dWithIndices: ({ kernel, ...options }, x) => both(maxPool2dWithIndices(x, kernel, options)),
  maxPool3dWithIndices: ({ kernel, ...options }, x) => both(maxPool3dWithIndices(x, kernel, options)),
  maxUnpool1d: roundTrip(maxPool1dWithIndices, maxUnpool1d),
  maxUnpool2d: roundTrip(maxPool2dWithIndices, maxUnpool2d),
  maxUnpool3d: roundTrip(maxPool3dWithIndices, maxUnpool3d),
});

test("maxUnpool rejects sizes that no pooling can produce", () => {
  const x = zeros([1, 1, 2, 2]);
  expect(() => maxUnpool2d(x, zeros([1, 1, 2, 1], "int32"), 2)).toThrow("expected one index per entry");
  expect(() => maxUnpool2d(x, zeros([1, 1, 2, 2], "int32"), 2, { outputSize: [5, 6] })).toThrow(
    "outputSize 6 on spatial axis 1, expected more than 2 and less than 6",
  );
  expect(() => maxUnpool1d(x, x, 2)).toThrow("expected 3 axes, [N, C, ...]");
});
