import { expect, it } from "vitest";
import { closest, unknownName } from "../src/names.ts";

const names = ["resnet18", "senet154", "convnext_tiny", "convnext_small", "vgg16", "mnist"];

it("finds the names most similar to a mistyped one", () => {
  expect(closest("convnet", names, 2)).toEqual(["convnext_tiny", "convnext_small"]);
  expect(closest("res net", names, 1)).toEqual(["resnet18"]);
  expect(closest("mnits", names)).toEqual(["mnist"]);
  expect(closest("zzz", names)).toEqual([]);
});

it("suggests them, if there are any", () => {
  const error = unknownName("model", "ResNet-19", names, "tessera models");
  expect(error.code).toBe("unknown-name");
  expect(error.message).toBe(
    'no model is called "ResNet-19". Did you mean resnet18? `tessera models` lists all.',
  );
  expect(unknownName("model", "qwertyuiop", names, "tessera models").message).toBe(
    'no model is called "qwertyuiop". `tessera models` lists all.',
  );
});
