/** The guarantees of the direct binding: no copies, a free event loop, and flat memory use. */
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Backend, DeviceArray, Executable } from "../../src/runtime/backend.ts";
import { openBackend } from "../../src/runtime/node.ts";
import { openLibrary } from "../../src/runtime/ort-library.ts";
import { growth, resident } from "../support/memory.ts";
import { build } from "../support/model.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await openBackend({ binding: "direct", threads: 2 });
});

afterEach(() => {
  vi.restoreAllMocks();
});

const floats = (length: number, value: number) =>
  backend.upload(new Float32Array(length).fill(value), "float32", [length]);

/** y = x + x */
function double(length: number): Promise<Executable> {
  const { model, options } = build({
    nodes: [["Add", ["x", "x"], ["y"]]],
    inputs: [["x", "float32", [length]]],
    outputs: [["y", "float32", [length]]],
  });
  return backend.load(model, options);
}

/** A graph that takes a few hundred milliseconds. */
function slow(size = 1024): Promise<Executable> {
  const names = Array.from({ length: 12 }, (_, i) => `m${i}`);
  const { model, options } = build({
    nodes: names.map((name, i) => ["MatMul", [names[i - 1] ?? "x", "x"], [name]] as const),
    inputs: [["x", "float32", [size, size]]],
    outputs: [["m11", "float32", [size, size]]],
  });
  return backend.load(model, options);
}

describe("memory without copies", () => {
  test("an upload is the caller's array", async () => {
    const data = new Float32Array(100);
    expect(await backend.upload(data, "float32", [100]).read()).toBe(data);
  });

  test("a result is written into recycled memory", async () => {
    const executable = await double(1000);
    const spare = new Float32Array(1000).fill(-1);
    const recycle = [backend.upload(spare, "float32", [1000])];
    const [y] = await executable.run([floats(1000, 3)], recycle);
    expect(await y?.read()).toBe(spare);
    expect(spare.every((value) => value === 6)).toBe(true);
    const [again] = await executable.run([floats(1000, 4)], [y]);
    expect(await again?.read()).toBe(spare);
    expect(spare[999]).toBe(8);
    await expect(y?.read()).rejects.toThrow("float32 [1000]: its memory was recycled for a later result");
    executable.release();
  });

  test("without recycled memory each run allocates its results", async () => {
    const executable = await double(10);
    const x = floats(10, 1);
    const [[a], [b]] = [await executable.run([x]), await executable.run([x])];
    expect(await a?.read()).not.toBe(await b?.read());
    executable.release();
  });

  test("an input that is also recycled is rejected, as the graph would overwrite it while reading", async () => {
    const executable = await double(10);
    const x = floats(10, 1);
    await expect(executable.run([x], [x])).rejects.toThrow("input x: float32 [10]: its memory was recycled");
    executable.release();
  });

  test("recycled memory of another shape, or a transferred buffer, is rejected", async () => {
    const executable = await double(10);
    await expect(executable.run([floats(10, 1)], [floats(11, 1)])).rejects.toThrow(
      "output y: cannot recycle float32 [11] as float32 [10]",
    );
    const data = new Float32Array(10);
    const x = backend.upload(data, "float32", [10]);
    data.buffer.transfer();
    await expect(executable.run([x])).rejects.toThrow("input x: float32 [10]: expected 40 bytes, got 0");
    executable.release();
  });
});

describe("weights", () => {
  const size = 512;
  const shape = [size, size];
  /** y = (2x)·w, or (2x)·wᵀ if `transposed`. */
  const product = (transposed: boolean) =>
    build({
      nodes: [
        ["Conv", ["x", "kernel"], ["c"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }],
        ["Transpose", ["w"], ["wt"], { perm: [1, 0] }],
        ["MatMul", ["c", transposed ? "wt" : "w"], ["y"]],
      ],
      inputs: [["x", "float32", [1, 1, size, size]]],
      outputs: [["y", "float32", [1, 1, size, size]]],
      weights: [
        ["kernel", "float32", [1, 1, 3, 3]],
        ["w", "float32", shape],
      ],
    });
  const { model, options } = product(true);
  /** A matrix that shifts columns right by one; its transpose shifts them left. */
  const shift = () => {
    const values = new Float32Array(size * size);
    for (let i = 0; i < size; i++) values[i * size + ((i + 1) % size)] = 1;
    return values;
  };
  const given = (values: Float32Array<ArrayBuffer>) =>
    new Map([
      ["kernel", backend.upload(Float32Array.of(0, 0, 0, 0, 2, 0, 0, 0, 0), "float32", [1, 1, 3, 3])],
      ["w", backend.upload(values, "float32", shape)],
    ]);
  const run = async (executable: Executable) => {
    const x = Float32Array.from({ length: size * size }, (_, i) => i % size);
    const [y] = await executable.run([backend.upload(x, "float32", [1, 1, size, size])]);
    return (await y?.read())?.[3 * size + 100];
  };

  test("give the same result transposed, pre-packed and at every optimization level", async () => {
    for (const transposed of [false, true])
      for (const prepack of [false, true])
        for (const optimization of ["none", "basic", "extended", "all"] as const) {
          const { model, options } = product(transposed);
          const settings = { ...options, prepack, optimization, weights: given(shift()) };
          const executable = await backend.load(model, settings);
          expect(await run(executable)).toBe(transposed ? 202 : 198);
          executable.release();
        }
  });

  test("are read in place unless pre-packed", async () => {
    const { model, options } = product(false);
    for (const prepack of [false, true]) {
      const values = shift();
      const executable = await backend.load(model, { ...options, prepack, weights: given(values) });
      expect(await run(executable)).toBe(198);
      // Breaks the contract of `LoadOptions`, to detect a copy.
      values.fill(0);
      expect(await run(executable)).toBe(prepack ? 198 : 0);
      executable.release();
    }
  });

  test("are not recycled while a session reads them", async () => {
    const weights = given(shift());
    const executable = await backend.load(model, { ...options, weights });
    const { model: fill, options: names } = build({
      nodes: [["Neg", ["a"], ["b"]]],
      inputs: [["a", "float32", shape]],
      outputs: [["b", "float32", shape]],
    });
    const negate = await backend.load(fill, names);
    const w = weights.get("w") as DeviceArray;
    const a = backend.upload(new Float32Array(size * size).fill(3), "float32", shape);
    const [b] = await negate.run([a], [w]);
    expect(await b?.read()).not.toBe(await w.read());
    expect((await w.read())[1]).toBe(1);
    executable.release();
    const [c] = await negate.run([a], [w]);
    expect((await c?.read())?.[0]).toBe(-3);
    await expect(w.read()).rejects.toThrow("its memory was recycled");
    negate.release();
  });

  test("must match the model's declarations", async () => {
    const weights = given(shift());
    weights.delete("w");
    await expect(backend.load(model, { ...options, weights })).rejects.toThrow(
      "weight w: expected by the model, but not given",
    );
    weights.set("w", backend.upload(shift().subarray(size), "float32", [size - 1, size]));
    await expect(backend.load(model, { ...options, weights })).rejects.toThrow(
      "weight w: expected float32 [512, 512], got float32 [511, 512]",
    );
    weights.set("w", backend.upload(new Int32Array(size * size), "int32", shape));
    await expect(backend.load(model, { ...options, weights })).rejects.toThrow(
      "weight w: expected float32 [512, 512], got int32 [512, 512]",
    );
    weights.set("w", backend.upload(shift(), "float32", shape));
    weights.set("v", floats(1, 1));
    await expect(backend.load(model, { ...options, weights })).rejects.toThrow(
      "weight v: the model has no initializer of that name",
    );
  });
});

describe("event loop", () => {
  test("stays free during a long run", async () => {
    const executable = await slow();
    const x = backend.upload(new Float32Array(1024 * 1024).fill(1 / 1024), "float32", [1024, 1024]);
    await executable.run([x]);
    /** Event loop turns during a run, and the longest gap between two as a share of the run's duration. */
    const watch = async () => {
      let [turns, longest] = [0, 0];
      const begin = performance.now();
      let last = begin;
      const timer = setInterval(() => {
        turns++;
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }, 1);
      await executable.run([x]);
      clearInterval(timer);
      return { turns, share: longest / (performance.now() - begin) };
    };
    // A busy machine delays the loop in some runs; a blocking run does so in all of them.
    let seen = await watch();
    for (let i = 0; i < 9 && !(seen.turns > 10 && seen.share < 0.5); i++) seen = await watch();
    expect(seen.turns).toBeGreaterThan(10);
    expect(seen.share).toBeLessThan(0.5);
    executable.release();
  });

  test("gets a turn between tiny runs", async () => {
    const library = await openLibrary();
    const elsewhere = vi.spyOn(library, "callAsync");
    // Each run takes a tenth of a millisecond by this clock.
    let time = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (time += 0.1));
    const executable = await double(4);
    elsewhere.mockClear();
    const x = floats(4, 1);
    for (let i = 0; i < 1000; i++) await executable.run([x]);
    expect(elsewhere.mock.calls.length).toBeGreaterThan(10);
    expect(elsewhere.mock.calls.length).toBeLessThan(20);
    executable.release();
  });
});

test("every native object is freed, on success and on failure", async () => {
  // Frees the sessions that other tests dropped, before counting.
  await resident();
  const library = await openLibrary();
  const { api, editor } = library;
  const made = vi.spyOn(library, "create");
  const handed = vi.spyOn(editor, "AddInitializerToGraph");
  const calls = (name: keyof typeof api) => vi.spyOn(api, name).mock.calls;
  const [statuses, sessions, values] = [
    calls("ReleaseStatus"),
    calls("ReleaseSession"),
    calls("ReleaseValue"),
  ];
  const graphs = calls("ReleaseGraph");
  const infos = calls("ReleaseValueInfo");
  const pairs = [
    [api.CreateSessionOptions, calls("ReleaseSessionOptions")],
    [api.CreateTensorTypeAndShapeInfo, calls("ReleaseTensorTypeAndShapeInfo")],
    [editor.CreateTensorTypeInfo, calls("ReleaseTypeInfo")],
    [editor.CreateModel, calls("ReleaseModel")],
  ] as const;

  const { model, options } = build({
    nodes: [["Mul", ["x", "w"], ["y"]]],
    inputs: [["x", "float32", [64]]],
    outputs: [["y", "float32", [64]]],
    weights: [["w", "float32", [64]]],
  });
  const weights = new Map([["w", floats(64, 2)]]);
  const executable = await backend.load(model, { ...options, weights });
  await executable.run([floats(64, 1)]);
  await executable.run([floats(64, 1)]);
  expect(statuses).toHaveLength(0);
  expect(graphs).toHaveLength(0);

  await expect(executable.run([floats(63, 1)])).rejects.toThrow();
  expect(statuses).toHaveLength(1);
  await expect(executable.run([floats(64, 1)], [floats(63, 1)])).rejects.toThrow();
  const alien = { ...floats(64, 1), read: async () => new Float32Array(64), release() {} };
  await expect(executable.run([alien])).rejects.toThrow();
  executable.release();
  executable.release();
  expect(sessions).toHaveLength(1);

  const { AddInitializerToGraph: add, AddGraphToModel: attach } = editor;
  vi.spyOn(editor, "AddInitializerToGraph").mockImplementationOnce((graph, name) =>
    add(graph!, name!, null, true),
  );
  await expect(backend.load(model, { ...options, weights })).rejects.toThrow("ONNX Runtime: ");
  vi.spyOn(editor, "AddGraphToModel").mockImplementationOnce((change) => attach(change!, null));
  await expect(backend.load(model, { ...options, weights })).rejects.toThrow("ONNX Runtime: ");
  expect(sessions).toHaveLength(3);
  expect(graphs).toHaveLength(2);
  expect(infos).toHaveLength(0);
  vi.spyOn(editor, "SetGraphInputs").mockImplementationOnce(() => attach(null, null));
  await expect(backend.load(model, { ...options, weights })).rejects.toThrow("ONNX Runtime: ");
  expect(infos).toHaveLength(1);
  expect(statuses).toHaveLength(4);

  const count = (maker: unknown) => made.mock.calls.filter(([called]) => called === maker).length;
  for (const [maker, freed] of pairs) {
    expect(freed.length).toBeGreaterThan(0);
    expect(freed).toHaveLength(count(maker));
  }
  const kept = handed.mock.results.filter(({ value }) => value === null).length;
  expect(kept).toBe(2);
  expect(values).toHaveLength(count(api.CreateTensorWithDataAsOrtValue) - kept);
});

describe("memory stays flat", { timeout: 300_000 }, () => {
  const MB = 1e6;

  test("100,000 tiny runs", async () => {
    const executable = await double(16);
    let y: DeviceArray | undefined;
    const grown = await growth(20 * MB, async () => {
      for (let i = 0; i < 100_000; i++) [y] = await executable.run([y && i % 20 ? y : floats(16, 0)]);
    });
    expect(grown).toBeLessThan(20 * MB);
    executable.release();
  });

  test("2,000 runs with discarded results of a megabyte", async () => {
    const executable = await double(1 << 18);
    const x = floats(1 << 18, 1);
    const grown = await growth(200 * MB, async () => {
      for (let i = 0; i < 2000; i++) await executable.run([x]);
    });
    expect(grown).toBeLessThan(200 * MB);
    executable.release();
  });

  /** A session with a megabyte of weights. */
  async function weighty(): Promise<Executable> {
    const { model, options } = build({
      nodes: [["MatMul", ["x", "w"], ["y"]]],
      inputs: [["x", "float32", [1, 512]]],
      outputs: [["y", "float32", [1, 512]]],
      weights: [["w", "float32", [512, 512]]],
    });
    const values = new Float32Array(512 * 512).fill(0.5);
    const weights = new Map([["w", backend.upload(values, "float32", [512, 512])]]);
    const executable = await backend.load(model, { ...options, weights });
    await executable.run([backend.upload(new Float32Array(512), "float32", [1, 512])]);
    return executable;
  }

  test("100 sessions created and released", async () => {
    const grown = await growth(30 * MB, async () => {
      for (let i = 0; i < 100; i++) (await weighty()).release();
    });
    expect(grown).toBeLessThan(30 * MB);
  });

  test("sessions dropped without a release", async () => {
    const grown = await growth(40 * MB, async () => {
      for (let i = 0; i < 60; i++) {
        await weighty();
        if (i % 10 === 0) await resident();
      }
    });
    expect(grown).toBeLessThan(40 * MB);
  });
});
