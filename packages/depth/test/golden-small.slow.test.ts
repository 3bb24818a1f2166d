/** Networks and preprocessing against their reference implementations. */
import { describe, expect, test } from "vitest";
import { checkGolden } from "../src/golden.ts";
import { goldenFile, goldens, HEAVY } from "./shared.ts";

const cases = Object.entries(goldens).filter(([name]) => !HEAVY.test(name));

describe.skipIf(cases.length === 0)("goldens", () => {
  test.each(cases)("%s", async (name, golden) => {
    const { problems } = await checkGolden(name, golden, goldenFile);
    expect(problems).toEqual([]);
  });
});

test("a case that nothing checks is an error", async () => {
  await expect(checkGolden("elsewhere/x", {}, goldenFile)).rejects.toThrow(
    "no runner yet for cases like elsewhere/x",
  );
});
