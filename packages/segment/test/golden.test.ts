import { expect, test } from "vitest";
import { checkGolden } from "../src/golden.ts";
import { goldenFile } from "./shared.ts";

test("a case that nothing checks is an error", async () => {
  await expect(checkGolden("elsewhere/x", {}, goldenFile)).rejects.toThrow(
    "no runner yet for cases like elsewhere/x",
  );
});
