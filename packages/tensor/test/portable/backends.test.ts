/** Requirements on every backend, in Node and in the browser. */

import { beforeAll, describe, expect, test, vi } from "vitest";
import { openBackend } from "#runtime";
import { type DType, fromNumbers, type TypedArray, toNumbers } from "../../src/dtype.ts";
import type { Backend, BackendOptions, DeviceArray } from "../../src/runtime/backend.ts";
import { build } from "../support/model.ts";

const WASM = ["ort-web on wasm", { device: "wasm", threads: 2 }] as const;
const KINDS: readonly (readonly [string, BackendOptions])[] =
  "document" in globalThis
    ? [WASM, ["ort-web on webgpu", { device: "webgpu" }]]
    : [
        ["ort-direct on cpu", { binding: "direct", threads: 2 }],
        ["ort-node on cpu", { binding: "node", threads: 2 }],
        WASM,
      ];

const TYPES: readonly DType[] = ["float32", "float16", "int32", "int64", "uint8", "bool"];

/** float16 is an optional feature of WebGPU. */
const adapter = (await (globalThis.navigator as { gpu?: Gpu }).gpu?.requestAdapter()) ?? undefined;
const halfOnGpu = adapter?.features.has("shader-f16") ?? false;
declare const GPUBuffer: { readonly prototype: { mapAsync(): Promise<void> } };
interface Gpu {
  requestAdapter(): Promise<{ readonly features: ReadonlySet<string> } | null>;
}

const values = async (arrays: readonly DeviceArray[]) =>
  Promise.all(arrays.map(async (array) => toNumbers(await array.read())));

/** Deterministic numbers without a simple pattern. */
const ramp = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7 + 0.3));

const doubling = (shape: readonly number[]) =>
  build({
    nodes: [["Add", ["x", "x"], ["y"]]],
    inputs: [["x", "float32", shape]],
    outputs: [["y", "float32", shape]],
  });

describe.each(KINDS)("%s", (name, options) => {
  const webgpu = options.device === "webgpu";
  let backend: Backend;
  beforeAll(async () => {
    backend = await openBackend(options);
  });
  const floats = (numbers: readonly number[], shape: readonly number[]) =>
    backend.upload(Float32Array.from(numbers), "float32", shape);

  test("opens", () => {
    expect(`${backend.name} on ${backend.device}`).toBe(name);
  });

  test.each(TYPES.filter((dtype) => dtype !== "float16" || !webgpu || halfOnGpu))(
    "%s in and out",
    async (dtype) => {
      const numbers = dtype === "bool" ? [1, 0, 1, 1, 0, 1] : [0, 1, 2, 3, 100, 200];
      const { model, options: names } = build({
        nodes: [
          ["Concat", ["x", "y"], ["xy"], { axis: 0n }],
          ["Transpose", ["x"], ["t"], { perm: [1, 0] }],
        ],
        inputs: [
          ["x", dtype, [2, 3]],
          ["y", dtype, [1, 3]],
        ],
        outputs: [
          ["xy", dtype, [3, 3]],
          ["t", dtype, [3, 2]],
        ],
      });
      const executable = await backend.load(model, names);
      const x = backend.upload(fromNumbers(dtype, numbers), dtype, [2, 3]);
      const y = backend.upload(fromNumbers(dtype, numbers.slice(3)), dtype, [1, 3]);
      const outputs = await executable.run([x, y]);
      expect(await values(outputs)).toEqual([
        [...numbers, ...numbers.slice(3)],
        [0, 3, 1, 4, 2, 5].map((i) => numbers[i]),
      ]);
      expect(outputs.map((array) => [array.dtype, array.shape])).toEqual([
        [dtype, [3, 3]],
        [dtype, [3, 2]],
      ]);
      expect((await outputs[0]!.read()).constructor).toBe(fromNumbers(dtype, []).constructor);
      executable.release();
    },
  );

  test("float16 is computed with", async ({ skip }) => {
    if (webgpu && !halfOnGpu) skip("this GPU has no shader-f16");
    const { model, options: names } = build({
      nodes: [["Mul", ["x", "x"], ["y"]]],
      inputs: [["x", "float16", [3]]],
      outputs: [["y", "float16", [3]]],
    });
    const executable = await backend.load(model, names);
    const x = backend.upload(new Float16Array([0.5, -1.5, 300]), "float16", [3]);
    expect(await values(await executable.run([x]))).toEqual([[0.25, 2.25, Number.POSITIVE_INFINITY]]);
    executable.release();
  });

  test("scalars and empty arrays", async () => {
    const { model, options: names } = build({
      nodes: [
        ["Neg", ["x"], ["y"]],
        ["ReduceSum", ["x"], ["sum"], { keepdims: 0n }],
      ],
      inputs: [["x", "float32", [0, 3]]],
      outputs: [
        ["y", "float32", [0, 3]],
        ["sum", "float32", []],
      ],
    });
    const executable = await backend.load(model, names);
    const outputs = await executable.run([floats([], [0, 3])]);
    expect(await values(outputs)).toEqual([[], [0]]);
    executable.release();
  });

  test("a graph without inputs", async () => {
    const { model, options: names } = build({
      nodes: [["ConstantOfShape", ["shape"], ["y"]]],
      outputs: [["y", "float32", [2]]],
      constants: [["shape", "int64", [1], new Uint8Array(BigInt64Array.of(2n).buffer)]],
    });
    const executable = await backend.load(model, names);
    expect(await values(await executable.run([]))).toEqual([[0, 0]]);
    executable.release();
  });

  test("weights given at load time: large, small, empty, and views into a larger buffer", async () => {
    const large = ramp(64 * 64);
    const { model, options: names } = build({
      nodes: [
        ["MatMul", ["x", "large"], ["product"]],
        ["Add", ["product", "small"], ["sum"]],
        ["Mul", ["sum", "half"], ["halved"]],
        // On WebGPU, onnxruntime-web 1.30 cannot load an empty weight.
        ["Concat", webgpu ? ["halved"] : ["halved", "empty"], ["y"], { axis: 0n }],
      ],
      inputs: [["x", "float32", [1, 64]]],
      outputs: [["y", "float32", [1, 64]]],
      weights: [
        ["large", "float32", [64, 64]],
        ["small", "float32", [1]],
        ["half", "float32", []],
        ...(webgpu ? [] : [["empty", "float32", [0, 64]] as const]),
      ],
    });
    const view = Float32Array.of(1, 2, 3, 7, 11).subarray(3, 4);
    const weights = new Map([
      ["large", backend.upload(large, "float32", [64, 64])],
      ["small", backend.upload(view, "float32", [1])],
      ["half", backend.upload(Float32Array.of(0.5), "float32", [])],
    ]);
    if (!webgpu) weights.set("empty", backend.upload(new Float32Array(0), "float32", [0, 64]));
    const x = ramp(64);
    const expected = Array.from({ length: 64 }, (_, j) => {
      let sum = 7;
      for (let k = 0; k < 64; k++) sum += (x[k] as number) * (large[64 * k + j] as number);
      return sum / 2;
    });
    for (const prepack of [true, false])
      for (const optimization of ["none", "all"] as const) {
        const executable = await backend.load(model, { ...names, weights, prepack, optimization });
        const [y] = await values(await executable.run([backend.upload(x, "float32", [1, 64])]));
        y?.forEach((value, j) => expect(value).toBeCloseTo(expected[j] as number, 4));
        executable.release();
      }
  });

  test("concurrent callers get their own results, in call order", async () => {
    const shapes = [[8], [100_000]];
    const executables = await Promise.all(
      shapes.map((shape) => {
        const { model, options: names } = doubling(shape);
        return backend.load(model, names);
      }),
    );
    const order: number[] = [];
    const calls = Array.from({ length: 120 }, async (_, i) => {
      const [length] = shapes[i % 2] as [number];
      // Small arrays live inside V8's moving heap until native code first accesses them.
      const x = backend.upload(new Float32Array(length).fill(i), "float32", [length]);
      const [y] = await (executables[i % 2] as (typeof executables)[0]).run([x]);
      order.push(i);
      return y as DeviceArray;
    });
    const results = await Promise.all(calls);
    expect(order).toEqual([...order.keys()]);
    for (const [i, y] of results.entries()) {
      const data = await y.read();
      expect([data.length, data[0], data.at(-1)]).toEqual([shapes[i % 2]?.[0], 2 * i, 2 * i]);
      expect((data as TypedArray as Float32Array).every((value) => value === 2 * i)).toBe(true);
    }
    for (const executable of executables) executable.release();
  });

  test("release: later runs are rejected, earlier ones finish, a second release is harmless", async () => {
    const { model, options: names } = doubling([1 << 20]);
    const executable = await backend.load(model, names);
    const x = backend.upload(new Float32Array(1 << 20).fill(3), "float32", [1 << 20]);
    const early = [executable.run([x]), executable.run([x])];
    executable.release();
    executable.release();
    await expect(executable.run([x])).rejects.toThrow("run: the executable was released");
    for (const [y] of await Promise.all(early)) expect((await y?.read())?.at(-1)).toBe(6);
    executable.release();
    await expect(executable.run([x])).rejects.toThrow("run: the executable was released");
    x.release();
    x.release();
  });

  describe("errors", () => {
    test("uploads of the wrong length, type or shape", () => {
      const upload = (data: TypedArray, dtype: DType, shape: number[]) => () =>
        backend.upload(data, dtype, shape);
      expect(upload(new Float32Array(5), "float32", [2, 3])).toThrow(
        "upload of float32 [2, 3]: expected 6 values (24 bytes), got 5 (20 bytes)",
      );
      expect(upload(new Float32Array(6), "int32", [6])).toThrow(
        "expected an array of int32 values, got one of float32",
      );
      expect(upload(new Float32Array(6), "float32", [-2, -3])).toThrow("must be a non-negative integer");
      expect(upload(new Float32Array(6), "float32", [1.5, 4])).toThrow("must be a non-negative integer");
    });

    test("invalid models", async () => {
      const names = { inputs: ["x"], outputs: [] };
      await expect(backend.load(new Uint8Array(0), names)).rejects.toThrow();
      await expect(backend.load(new Uint8Array([1, 2, 3, 4, 5]), names)).rejects.toThrow(
        /protobuf|ModelProto/,
      );
      const { model } = doubling([2]);
      for (const length of [1, 10, model.length >> 1, model.length - 1])
        await expect(backend.load(model.subarray(0, length), names)).rejects.toThrow();
    });

    test("an operator that does not exist", async () => {
      const { model, options: names } = build({
        nodes: [["Frobnicate", ["x"], ["y"]]],
        inputs: [["x", "float32", [2]]],
        outputs: [["y", "float32", [2]]],
      });
      await expect(backend.load(model, names)).rejects.toThrow("Frobnicate");
    });

    test("outputs without a unique name", async () => {
      const { model, options: names } = doubling([2]);
      const spec = { name: "y", dtype: "float32", shape: [2] } as const;
      await expect(backend.load(model, { ...names, outputs: [{ ...spec, name: "x" }] })).rejects.toThrow(
        "output x: expected a unique name",
      );
      await expect(backend.load(model, { ...names, outputs: [spec, spec] })).rejects.toThrow(
        "output y: expected a unique name",
      );
    });

    test("weights that are missing or have another shape", async () => {
      const { model, options: names } = build({
        nodes: [["Mul", ["x", "w"], ["y"]]],
        inputs: [["x", "float32", [64]]],
        outputs: [["y", "float32", [64]]],
        weights: [["w", "float32", [64]]],
      });
      await expect(backend.load(model, names)).rejects.toThrow();
      const short = new Map([["w", floats(new Array(63).fill(1), [63])]]);
      await expect(backend.load(model, { ...names, weights: short })).rejects.toThrow();
    });

    test("inputs of the wrong number, shape, type or backend; the next run works", async () => {
      const { model, options: names } = doubling([2]);
      const executable = await backend.load(model, names);
      const x = floats([1, 2], [2]);
      await expect(executable.run([])).rejects.toThrow("run: expected 1 inputs (x), got 0");
      await expect(executable.run([floats([1, 2, 3], [3])])).rejects.toThrow(
        /dimension|expected float32 \[2\], got float32 \[3\]/,
      );
      const integers = backend.upload(new Int32Array(2), "int32", [2]);
      await expect(executable.run([integers])).rejects.toThrow(
        /data type|expected float32 \[2\], got int32 \[2\]/,
      );
      const alien = { ...x, read: x.read, release: x.release };
      await expect(executable.run([alien])).rejects.toThrow(
        `input x: expected an array from the backend ${backend.name}, got one from another backend`,
      );
      expect(await values(await executable.run([x]))).toEqual([[2, 4]]);
      executable.release();
    });

    test("a failed run names the node; the next run works", async ({ skip }) => {
      if (webgpu) skip("kernels on the GPU do not check indices");
      const { model, options: names } = build({
        nodes: [["Gather", ["x", "i"], ["y"]]],
        inputs: [
          ["x", "float32", [2]],
          ["i", "int64", [1]],
        ],
        outputs: [["y", "float32", [1]]],
      });
      const executable = await backend.load(model, names);
      const at = (index: bigint) => backend.upload(BigInt64Array.of(index), "int64", [1]);
      const x = floats([5, 6], [2]);
      for (let i = 0; i < 3; i++) {
        await expect(executable.run([x, at(9n)])).rejects.toThrow("Gather.0");
        expect(await values(await executable.run([x, at(1n)]))).toEqual([[6]]);
      }
      executable.release();
    });
  });
});

test.runIf(adapter && !halfOnGpu)(
  "an operation the GPU does not support is an error in every run",
  async () => {
    const backend = await openBackend({ device: "webgpu" });
    const { model, options } = build({
      nodes: [["Mul", ["x", "x"], ["y"]]],
      inputs: [["x", "float16", [3]]],
      outputs: [["y", "float16", [3]]],
    });
    const executable = await backend.load(model, options);
    const x = backend.upload(new Float16Array(3), "float16", [3]);
    for (let i = 0; i < 2; i++) await expect(executable.run([x])).rejects.toThrow(/Mul.0.* requires f16/);
    executable.release();
  },
);

test.runIf("document" in globalThis)(
  "on webgpu, arrays stay on the GPU between runs until released",
  async () => {
    const backend = await openBackend({ device: "webgpu" });
    const { model, options } = doubling([4]);
    const executable = await backend.load(model, options);
    const x = backend.upload(Float32Array.of(1, 2, 3, 4), "float32", [4]);
    let [y] = await executable.run([x]);
    const download = vi.spyOn(GPUBuffer.prototype, "mapAsync");
    for (let i = 0; i < 9; i++) [y] = await executable.run([y as DeviceArray], [undefined]);
    expect(download).toHaveBeenCalledTimes(0);
    expect(toNumbers((await y?.read()) as TypedArray)).toEqual([1024, 2048, 3072, 4096]);
    expect(download).toHaveBeenCalledTimes(1);

    // Released while queued runs read it: the runs finish first.
    const waiting = [executable.run([x]), executable.run([x])];
    x.release();
    x.release();
    for (const [z] of await Promise.all(waiting)) expect((await z?.read())?.at(-1)).toBe(8);
    await expect(executable.run([x])).rejects.toThrow("float32 [4]: the array was released");
    await expect(x.read()).rejects.toThrow("float32 [4]: the array was released");

    // Recycled: its memory is reused, and it can no longer be read.
    const [z] = await executable.run([y as DeviceArray]);
    const [last] = await executable.run([z as DeviceArray], [y]);
    await expect(y?.read()).rejects.toThrow("float32 [4]: the array was released");
    expect((await last?.read())?.[0]).toBe(4096);
    executable.release();
  },
);

test("all backends compute the same", async () => {
  const { model, options: names } = build({
    nodes: [
      ["Conv", ["x", "kernel"], ["c"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }],
      ["Relu", ["c"], ["r"]],
      ["Flatten", ["r"], ["f"]],
      ["MatMul", ["f", "w"], ["m"]],
      ["Softmax", ["m"], ["y"], { axis: -1n }],
    ],
    inputs: [["x", "float32", [4, 3, 16, 16]]],
    outputs: [
      ["c", "float32", [4, 8, 16, 16]],
      ["y", "float32", [4, 10]],
    ],
    weights: [
      ["kernel", "float32", [8, 3, 3, 3]],
      ["w", "float32", [2048, 10]],
    ],
  });
  const results = await Promise.all(
    KINDS.map(async ([, options]) => {
      const backend = await openBackend(options);
      const weights = new Map([
        ["kernel", backend.upload(ramp(216), "float32", [8, 3, 3, 3])],
        ["w", backend.upload(ramp(20_480), "float32", [2048, 10])],
      ]);
      const executable = await backend.load(model, { ...names, weights });
      return values(await executable.run([backend.upload(ramp(3072), "float32", [4, 3, 16, 16])]));
    }),
  );
  const [direct, ...others] = results as [number[][], ...number[][][]];
  for (const other of others)
    other.forEach((output, i) => {
      const largest = Math.max(...output.map((value, j) => Math.abs(value - (direct[i]?.[j] as number))));
      expect(largest).toBeLessThan(1e-5);
    });
  const sums = [0, 1, 2, 3].map((row) =>
    direct[1]?.slice(10 * row, 10 * row + 10).reduce((a, b) => a + b, 0),
  );
  for (const sum of sums) expect(sum).toBeCloseTo(1, 5);
});
