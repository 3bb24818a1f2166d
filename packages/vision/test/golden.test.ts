/** Networks with filled parameters against the logits of torchvision and timm. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compile, type Tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { deviation, fillGolden, findModel, type Probe, uniformTensor } from "../src/index.ts";
import { shared } from "./shared.ts";

const file = join(shared, "golden/cnn.json");
const present = existsSync(file);
if (!present) console.log(`networks are not checked against goldens: ${file} is not there`);

interface Golden {
  readonly parameters: number;
  readonly stateKeys: number;
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  readonly logits: Probe;
}
/** The others are checked where there is time: `TESSERA_SLOW=1`. */
const SMALL = new Set([
  "torchvision/resnet18",
  "torchvision/mobilenet_v2",
  "torchvision/googlenet",
  "torchvision/densenet121",
  "timm/vit_tiny_patch16_224",
  "timm/mobilenetv1_100",
]);

describe.skipIf(!present)("goldens", () => {
  const goldens = present ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, Golden>) : {};
  test("all small networks are there", () => {
    expect([...SMALL].filter((name) => !(name in goldens))).toEqual([]);
  });
  for (const [name, golden] of Object.entries(goldens))
    test.skipIf(!SMALL.has(name) && process.env.TESSERA_SLOW !== "1")(
      name,
      async () => {
        const { create, naming } = findModel(name);
        const model = create().eval();
        expect(model.parameterCount()).toBe(golden.parameters);
        expect(model.stateDict().size).toBe(golden.stateKeys);
        fillGolden(model, naming.keyOf, naming.shapeOf);
        const run = compile((x: Tensor) => model.forward(x), { freeze: true });
        const logits = run(uniformTensor(golden.input.name, golden.input.shape));
        expect(logits.shape).toEqual(golden.logits.shape);
        expect(deviation((await logits.data()) as Float32Array, golden.logits)).toBeLessThan(1e-4);
        run.release();
      },
      600_000,
    );
});
