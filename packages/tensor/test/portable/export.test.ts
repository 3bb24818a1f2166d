/** Exported models, loaded back like any other ONNX file. */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import {
  backend,
  compile,
  conv2d,
  type ExportedModel,
  evaluate,
  exportOnnx,
  gelu,
  layerNorm,
  normal,
  parameter,
  randomKey,
  scaledDotProductAttention,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../../src/index.ts";

/** Runs a model with embedded weights; results by name. */
async function run(
  exported: ExportedModel,
  feeds: Record<string, Tensor>,
): Promise<Map<string, ArrayLike<number>>> {
  const { graph } = fromBinary(ModelProtoSchema, exported.model as Uint8Array<ArrayBuffer>);
  const inputs = (graph?.input ?? []).map(({ name }) => name);
  const outputs = (graph?.output ?? []).map(({ name, type }) => {
    const dims = type?.value.case === "tensorType" ? (type.value.value.shape?.dim ?? []) : [];
    return { name, dtype: "float32" as const, shape: dims.map(({ value }) => Number(value.value)) };
  });
  const on = await backend();
  const executable = await on.load(exported.model, { inputs, outputs });
  const arrays = await Promise.all(
    inputs.map(async (name) => {
      const feed = feeds[name] as Tensor;
      return on.upload(await feed.data(), feed.dtype, feed.shape);
    }),
  );
  const results = await executable.run(arrays);
  const values = await Promise.all(
    results.map(async (result) => [...((await result.read()) as Float32Array)]),
  );
  executable.release();
  return new Map(outputs.map(({ name }, i) => [name, values[i] as number[]]));
}

function proto(exported: ExportedModel) {
  return fromBinary(ModelProtoSchema, exported.model as Uint8Array<ArrayBuffer>);
}

const x = normal(randomKey(1), [2, 4, 6, 6]);
const kernel = parameter(normal(randomKey(2), [8, 4, 3, 3], { std: 0.2 }));
kernel.name = "conv.weight";

test("a network: names, embedded weights, equal results, standard operators only", async () => {
  const scale = tensor([0.5, 2, 1, 1, 1, 1, 1, 3]);
  const net = compile((images: Tensor) => {
    const y = gelu(conv2d(images, kernel, { padding: 1 }))
      .flatten(2)
      .transpose(1, 2); // [N, 36, 8]
    const attended = scaledDotProductAttention(y, y, y);
    return layerNorm(attended, [8], { weight: scale }).mean(1); // [N, 8]
  });
  const exported = await exportOnnx(net, [x], {
    inputNames: ["images"],
    outputNames: ["logits"],
    metadata: { licence: "none" },
  });
  const model = proto(exported);
  expect(model.metadataProps).toMatchObject([{ key: "licence", value: "none" }]);
  expect(model.opsetImport.map(({ domain }) => domain)).toEqual([""]);
  expect(model.graph?.input.map(({ name }) => name)).toEqual(["images"]);
  expect(model.graph?.initializer.map(({ name }) => name)).toContain("conv.weight");
  const results = await run(exported, { images: x });
  const expected = (await net(x).data()) as Float32Array;
  const logits = results.get("logits") as ArrayLike<number>;
  expect(logits.length).toBe(16);
  expected.forEach((value, i) => expect(logits[i]).toBeCloseTo(value, 4));
});

test("a training step: state goes in under its name and comes out as NAME.next", async () => {
  const weight = parameter(
    tensor([
      [1, 2],
      [3, 4],
    ]),
  );
  weight.name = "weight";
  const step = compile((input: Tensor) => {
    const { value, grads } = valueAndGrad({ weight }, () => input.matmul(weight).square().mean());
    weight.assign(weight.sub((grads.get("weight") as Tensor).mul(0.1)));
    return value;
  });
  const input = tensor([[1, -1]]);
  const before = tensor([
    [1, 2],
    [3, 4],
  ]);
  const exported = await exportOnnx(step, [input], { inputNames: ["input"], outputNames: ["loss"] });
  const results = await run(exported, { input, weight: before });
  const loss = await step(input).item();
  expect(results.get("loss")?.[0]).toBeCloseTo(loss, 6);
  await evaluate(weight);
  expect([...(results.get("weight.next") as number[])]).toEqual([...((await weight.data()) as Float32Array)]);
});

test("external weights are complete and page-aligned", async () => {
  const net = compile((images: Tensor) => conv2d(images, kernel));
  const { model, external } = await exportOnnx(net, [x], { externalData: "weights.data" });
  const entries =
    proto({ model }).graph?.initializer.find(({ name }) => name === "conv.weight")?.externalData ?? [];
  const entry = Object.fromEntries(entries.map(({ key, value }) => [key, value]));
  expect(entry.location).toBe("weights.data");
  expect(Number(entry.offset) % 4096).toBe(0);
  const bytes = new Uint8Array(
    await new Blob((external?.parts ?? []) as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
  );
  const stored = new Float32Array(
    bytes.slice(Number(entry.offset), Number(entry.offset) + Number(entry.length)).buffer,
  );
  expect([...stored]).toEqual([...((await kernel.data()) as Float32Array)]);
});

test("a missing name is an error that says which one", async () => {
  const add = compile((a: Tensor, b: Tensor) => a.add(b));
  await expect(exportOnnx(add, [x, x.mul(2)], { inputNames: ["a"] })).rejects.toThrow("no name for input 1");
});
