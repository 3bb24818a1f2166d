/** Networks and algorithms against their reference implementations. */
import { describe, expect, test } from "vitest";
import { checkGolden } from "../src/golden.ts";
import { goldenFile, goldens, HEAVY } from "./shared.ts";

const cases = Object.entries(goldens);

describe.skipIf(cases.length === 0)("goldens", () => {
  for (const [name, golden] of cases)
    test.skipIf(HEAVY.test(name) && process.env.TESSERA_SLOW !== "1")(
      name,
      async () => {
        const { problems } = await checkGolden(name, golden, goldenFile);
        expect(problems).toEqual([]);
      },
      600_000,
    );
});

test("a case that nothing checks is an error", async () => {
  await expect(checkGolden("elsewhere/x", {}, goldenFile)).rejects.toThrow(
    "no runner yet for cases like elsewhere/x",
  );
});
