/** Exported models with a free axis, run at extents they were not traced for. */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import {
  arange,
  backend,
  compile,
  concat,
  conv2d,
  type ExportedModel,
  type ExportOptions,
  exportOnnx,
  fromArray,
  gelu,
  layerNorm,
  linear,
  maxPool2d,
  normal,
  randomKey,
  scaledDotProductAttention,
  softmax,
  type Tensor,
  unbind,
  where,
  zeros,
} from "../../src/index.ts";

/** Inputs and outputs of a model as text: `image[batch,3,8,8]`. */
function ports({ model }: ExportedModel): Record<"input" | "output", string[]> {
  const { graph } = fromBinary(ModelProtoSchema, model as Uint8Array<ArrayBuffer>);
  const shown = (list: NonNullable<typeof graph>["input"] = []) =>
    list.map(({ name, type }) => {
      const dims = type?.value.case === "tensorType" ? (type.value.value.shape?.dim ?? []) : [];
      return `${name}[${dims.map(({ value }) => String(value.value)).join()}]`;
    });
  return { input: shown(graph?.input), output: shown(graph?.output) };
}

/** Runs a model with one output on inputs in order. */
async function run(exported: ExportedModel, inputs: readonly Tensor[], like: Tensor): Promise<number[]> {
  const names = ports(exported);
  const bare = (port: string) => port.slice(0, port.indexOf("["));
  const on = await backend();
  const executable = await on.load(exported.model, {
    inputs: names.input.map(bare),
    outputs: [{ name: bare(names.output[0] as string), dtype: like.dtype, shape: like.shape }],
  });
  const arrays = await Promise.all(
    inputs.map(async (input) => on.upload(await input.data(), input.dtype, input.shape)),
  );
  const [result] = await executable.run(arrays);
  const values = Array.from((await result?.read()) as Float32Array, Number);
  executable.release();
  return values;
}

async function agrees(fn: (x: Tensor) => Tensor, shape: readonly number[], extents = [1, 5]): Promise<void> {
  const compiled = compile(fn);
  const exported = await exportOnnx(compiled, [zeros([1, ...shape])], { freeAxis: "batch" });
  for (const extent of extents) {
    const x = normal(randomKey(extent), [extent, ...shape]);
    const expected = compiled(x);
    const found = await run(exported, [x], expected);
    const values = Array.from(await expected.data(), Number);
    expect(found.length).toBe(values.length);
    values.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 4));
  }
  compiled.release();
}

const kernel = normal(randomKey(1), [8, 3, 3, 3], { std: 0.2 });
const token = normal(randomKey(2), [1, 1, 8]);
const matrix = normal(randomKey(3), [24, 8], { std: 0.3 });

test("a vision transformer: patches, a class token, multi-head attention", async () => {
  await agrees(
    (x) => {
      const n = x.shape[0] as number;
      const patches = conv2d(x, kernel, { padding: 1 }).flatten(2).transpose(1, 2); // [N, 64, 8]
      let y = layerNorm(concat([token.expand([n, 1, 8]), patches], 1), [8]); // [N, 65, 8]
      const [q, k, v] = linear(y, matrix)
        .reshape([n, 65, 3, 2, 4])
        .permute([2, 0, 3, 1, 4])
        .split(1)
        .map((part) => part.squeeze(0)) as [Tensor, Tensor, Tensor];
      y = scaledDotProductAttention(q, k, v).transpose(1, 2).reshape([n, 65, 8]);
      return gelu(y.index(null, 0));
    },
    [3, 8, 8],
  );
});

test("windows, pooling, concatenation, padding; an extent that is a multiple of the free one", async () => {
  await agrees(
    (x) => {
      const n = x.shape[0] as number;
      const windows = x
        .reshape([n, 3, 2, 4, 2, 4])
        .permute([0, 2, 4, 1, 3, 5])
        .reshape([n * 4, 3, 4, 4]);
      const pooled = maxPool2d(concat([windows, windows.mul(2)], 1), 2); // [4N, 6, 2, 2]
      return pooled
        .pad([
          [0, 0],
          [1, 0],
          [0, 1],
          [2, 0],
        ])
        .narrow(0, 0, n * 4 - 1)
        .mean([2, 3]);
    },
    [3, 8, 8],
  );
  const windowed = compile((x: Tensor) => x.reshape([(x.shape[0] as number) * 4, 2]));
  const exported = await exportOnnx(windowed, [zeros([1, 8])], { freeAxis: "batch" });
  expect(ports(exported)).toEqual({ input: ["input0[batch,8]"], output: ["output0[4*batch,2]"] });
});

test("a network that moves entries along the free axis itself", async () => {
  await agrees(
    (x) =>
      x
        .flip(0)
        .cumsum(0)
        .add(arange(x.shape[0] as number).unsqueeze(1)),
    [3],
  );
  await agrees((x) => concat([x, zeros([x.shape[0] as number, 2])], 1).max(0), [3]);
});

test("a named axis of several inputs: text of any length, with a causal mask", async () => {
  const decode = compile((text: Tensor, near: Tensor) => {
    const n = text.shape[1] as number;
    const row = arange(n);
    const seen = row.unsqueeze(1).greaterEqual(row); // [T, T]
    const scores = text.matmul(text.transpose(1, 2)).add(near);
    return softmax(where(seen, scores, -1e9)).matmul(text); // [2, T, 4]
  });
  const exported = await exportOnnx(decode, [zeros([2, 3, 4]), zeros([3, 1])], {
    inputNames: ["text", "near"],
    outputNames: ["next"],
    freeAxis: { name: "length", axes: { text: 1, near: 0 } },
  });
  expect(ports(exported)).toEqual({
    input: ["text[2,length,4]", "near[length,1]"],
    output: ["next[2,length,4]"],
  });
  for (const length of [1, 7]) {
    const inputs = [normal(randomKey(length), [2, length, 4]), normal(randomKey(9), [length, 1])] as const;
    const expected = decode(...inputs);
    const found = await run(exported, inputs, expected);
    const values = (await expected.data()) as Float32Array;
    values.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));
  }
});

test.each<[string, (x: Tensor) => Tensor, RegExp]>([
  [
    "a number outside of shapes",
    (x) => x.div(x.shape[0] as number),
    /batch cannot be a free axis: constant\.\d+ takes \[29\] for 29, \[34\] for 34, \[37\] for 37/,
  ],
  [
    "an operator count that depends on the extent",
    (x) => unbind(x).reduce((a, b) => a.add(b)),
    /batch cannot be a free axis: split\.\d+ is Split \(2 → 29; axis: 0\) for 29, Split \(2 → 34/,
  ],
  [
    "a tensor from host values",
    (x) => x.add(fromArray(new Float32Array(x.shape[0] as number).fill(1), [x.shape[0] as number, 1])),
    /batch cannot be a free axis: the function makes a tensor from host values, \[34, 1\], that depends on it/,
  ],
  [
    "host values of fixed shape",
    (x) => x.add(fromArray(Float32Array.of(x.shape[0] as number), [1])),
    /batch cannot be a free axis: the function makes a tensor from host values, \[1\]/,
  ],
  [
    "an extent that grows quadratically",
    (x) =>
      x
        .unsqueeze(1)
        .sub(x)
        .reshape([(x.shape[0] as number) ** 2, 2]),
    /batch cannot be a free axis: reshape\.\d+ takes \[841, 2\] for 29/,
  ],
  [
    "an extent that is rounded up to even",
    (x) =>
      x.pad([
        [0, (x.shape[0] as number) % 2],
        [0, 0],
      ]),
    /batch cannot be a free axis: pad\.0/,
  ],
])("what cannot depend on a free axis: %s", async (_, fn, message) => {
  await expect(exportOnnx(compile(fn), [zeros([3, 2])], { freeAxis: "batch" })).rejects.toThrow(message);
});

test.each<[string, ExportOptions["freeAxis"], RegExp]>([
  ["no such input", { name: "n", axes: { picture: 0 } }, /freeAxis n: no input picture, only image, scale/],
  ["no such axis", { name: "n", axes: { image: 2 } }, /freeAxis n: no axis 2 in image, which is .*\[3, 2\]/],
  ["an input without axes", "n", /freeAxis n: no axis 0 in scale/],
  ["one that is not read", { name: "n", axes: { unused: 0 } }, /the function reads no input with this axis/],
])("what cannot be a free axis: %s", async (_, freeAxis, message) => {
  const scaled = compile((image: Tensor, scale: Tensor, _unused: Tensor) => image.mul(scale));
  const args: [Tensor, Tensor, Tensor] = [zeros([3, 2]), zeros([]), zeros([3])];
  const options: ExportOptions = { inputNames: ["image", "scale", "unused"], ...(freeAxis && { freeAxis }) };
  await expect(exportOnnx(scaled, args, options)).rejects.toThrow(message);
});
