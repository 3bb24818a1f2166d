import { type GridSampleOptions, gridSample } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

await check<GridSampleOptions>("sample", { gridSample: (options, x, grid) => gridSample(x, grid, options) });
