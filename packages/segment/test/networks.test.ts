/** Numbers of parameters and keys, as the published files have them. */
import { expect, test } from "vitest";
import { networks, records } from "../src/index.ts";

test.each([
  ["sam_vit_b", 93_735_472, 314],
  ["sam_vit_l", 312_342_832, 482],
  ["sam_vit_h", 641_090_608, 594],
  ["mobile_sam", 10_130_092, 439],
])("%s", (name, parameters, keys) => {
  const model = networks.find(name).create();
  expect(model.parameterCount()).toBe(parameters);
  expect(model.stateDict().size).toBe(keys);
});

test("names of Hugging Face find networks", () => {
  expect(networks.find("hf/facebook/sam-vit-base").network.name).toBe("sam_vit_b");
});

test("records say how many parameters there are", () => {
  const small = records.filter(({ params = 0 }) => params < 50_000_000);
  expect(small.length).toBeGreaterThan(8);
  const counts = small.map((record) => networks.ofRecord(record).network.create({}).parameterCount());
  expect(small.map(({ params }) => params)).toEqual(counts);
});
