/** Networks with deterministic weights against logits from torchvision and timm. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkGolden } from "../src/golden.ts";
import { shared } from "./shared.ts";

const file = join(shared, "golden/cnn.json");
const present = existsSync(file);
if (!present) console.log(`networks are not checked against golden values: ${file} is absent`);

/** The others are checked only with `TESSERA_SLOW=1`. */
const SMALL = new Set([
  "torchvision/resnet18",
  "torchvision/mobilenet_v2",
  "torchvision/googlenet",
  "torchvision/densenet121",
  "timm/vit_tiny_patch16_224",
  "timm/mobilenetv1_100",
]);

describe.skipIf(!present)("goldens", () => {
  const goldens = present ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>) : {};
  test("all small networks are covered", () => {
    expect([...SMALL].filter((name) => !(name in goldens))).toEqual([]);
  });
  for (const [name, golden] of Object.entries(goldens))
    test.skipIf(!SMALL.has(name) && process.env.TESSERA_SLOW !== "1")(
      name,
      async () => {
        const { problems, deviation } = await checkGolden(name, golden, 1e-4);
        expect(problems).toEqual([]);
        expect(deviation).toBeLessThan(1e-4);
      },
      600_000,
    );
});
