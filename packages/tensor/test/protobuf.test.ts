import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { float, tensorMessage, writeModel } from "../src/graph/onnx.ts";
import { MessageWriter, readFields, readInts } from "../src/graph/protobuf.ts";

test("another implementation reads the same model", () => {
  const values = Float32Array.of(1.5, -2, Number.POSITIVE_INFINITY);
  const weight = { dtype: "float32", shape: [3] } as const;
  const bytes = writeModel({
    irVersion: 10,
    opsets: { "": 21, "com.microsoft": 1 },
    metadata: { author: "Zoë" },
    graph: {
      name: "g",
      nodes: [
        {
          name: "n",
          type: "Op",
          domain: "com.microsoft",
          inputs: ["x", "", "w"],
          outputs: ["y"],
          attributes: {
            absent: undefined,
            axis: -1,
            large: 2 ** 40 + 5,
            zero: 0,
            pads: [0, -3, 300],
            none: [],
            alpha: float(0.5),
            scales: float([1, -0.25]),
            mode: "cubic",
            names: ["a", "ü"],
          },
        },
      ],
      initializers: [tensorMessage("w", weight, values)],
      inputs: [["x", { dtype: "int64", shape: [] }]],
      outputs: [["y", { dtype: "float16", shape: [2, 0, 70000] }]],
    },
  });
  const model = fromBinary(ModelProtoSchema, bytes);
  expect(model.irVersion).toBe(10n);
  expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
    ["", 21n],
    ["com.microsoft", 1n],
  ]);
  expect(model.metadataProps).toMatchObject([{ key: "author", value: "Zoë" }]);
  const { graph } = model;
  const [node] = graph?.node ?? [];
  expect(node).toMatchObject({ name: "n", opType: "Op", domain: "com.microsoft", output: ["y"] });
  expect(node?.input).toEqual(["x", "", "w"]);
  const utf8 = new TextEncoder();
  expect(node?.attribute).toMatchObject([
    { name: "axis", type: 2, i: -1n },
    { name: "large", type: 2, i: 2n ** 40n + 5n },
    { name: "zero", type: 2, i: 0n },
    { name: "pads", type: 7, ints: [0n, -3n, 300n] },
    { name: "none", type: 7, ints: [] },
    { name: "alpha", type: 1, f: 0.5 },
    { name: "scales", type: 6, floats: [1, -0.25] },
    { name: "mode", type: 3, s: utf8.encode("cubic") },
    { name: "names", type: 8, strings: [utf8.encode("a"), utf8.encode("ü")] },
  ]);
  const [tensor] = graph?.initializer ?? [];
  expect(tensor).toMatchObject({ name: "w", dataType: 1, dims: [3n] });
  expect(new Float32Array(tensor?.rawData.slice().buffer as ArrayBuffer)).toEqual(values);
  const typeOf = (elemType: number, ...sizes: bigint[]) => ({
    value: {
      case: "tensorType",
      value: { elemType, shape: { dim: sizes.map((value) => ({ value: { case: "dimValue", value } })) } },
    },
  });
  expect(graph?.input).toMatchObject([{ name: "x", type: typeOf(7) }]);
  expect(graph?.output).toMatchObject([{ name: "y", type: typeOf(10, 2n, 0n, 70000n) }]);
});

test("fields are read as written, and unneeded wire types skipped", () => {
  const inner = new MessageWriter().int(2, -1).string(3, "é");
  const bytes = new MessageWriter().float(1, 2).message(16, inner).ints(5, [1, 128, -2]).int(5, 7).finish();
  const fields = [...readFields(bytes)];
  expect(fields.map(({ field }) => field)).toEqual([1, 16, 5, 5]);
  expect(fields.slice(2).flatMap(readInts)).toEqual([1n, 128n, -2n, 7n]);
  expect([...readFields(fields[1]!.bytes)].map(({ bytes }) => new TextDecoder().decode(bytes))).toEqual([
    "",
    "é",
  ]);
  const again = new MessageWriter();
  for (const { whole } of fields) again.append(whole);
  expect(again.finish()).toEqual(bytes);
  expect(() => [...readFields(bytes.subarray(0, bytes.length - 1))]).toThrow("not a model");
});
