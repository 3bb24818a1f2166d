import { expect, test } from "vitest";
import { byteSize } from "../../src/dtype.ts";

test("sources load as TypeScript, and half floats exist", () => {
  expect(byteSize("float16")).toBe(new Float16Array(1).byteLength);
  expect(new Float16Array([1 / 3])[0]).toBe(0.333251953125);
});

test("browser pages may use threads", () => {
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean };
  expect(crossOriginIsolated ?? "not a browser").not.toBe(false);
});
