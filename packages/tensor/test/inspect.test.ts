import { inspect } from "node:util";
import { expect, test } from "vitest";
import { parameter, tensor } from "../src/index.ts";

test("console.log shows a tensor", () => {
  for (const x of [tensor([1, 2]), tensor([1, 2]).add(1), parameter(tensor([1, 2]))])
    expect(inspect(x)).toMatch(/^(Tensor|Variable) \{[\s\S]*shape: \[ 2 \]/);
});
