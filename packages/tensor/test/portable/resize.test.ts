import { type ResizeOptions, resize } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

await check<ResizeOptions>("resize", { resize: (options, x) => resize(x, options) });
