import { expect, test } from "vitest";
import * as dtype from "../../src/dtype.ts";

test("the module loads, and half floats exist", () => {
  expect(Object.keys(dtype).length).toBeGreaterThan(0);
  expect(new Float16Array([1 / 3])[0]).toBe(0.333251953125);
});
