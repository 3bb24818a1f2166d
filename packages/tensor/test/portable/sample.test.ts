import { type GridSampleOptions, gridSample } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

await check<{ padding: NonNullable<GridSampleOptions["paddingMode"]> } & GridSampleOptions>("sample", {
  gridSample: ({ padding, ...args }, x, grid) => gridSample(x, grid, { ...args, paddingMode: padding }),
});
