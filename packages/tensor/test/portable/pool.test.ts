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
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  type PerAxis,
} from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args extends MaxPoolOptions, AvgPoolOptions {
  kernel: PerAxis;
  outputSize: PerAxis;
}

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
});
