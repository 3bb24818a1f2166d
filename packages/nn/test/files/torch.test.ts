import { describe, expect, test } from "vitest";
import {
  loadPickle,
  openCheckpoint,
  PickleObject,
  type PickleValue,
  StoredTensor,
} from "../../src/files/index.ts";
import { countingSource, dict, floats, int, tensor, torchZip, tuple } from "./support/bytes.ts";
import { expectTensors, fixture, shared } from "./support/fixtures.ts";

const formats = [
  "tensors.zip.pt",
  "tensors.legacy.pt",
  "protocol3.zip.pt",
  "protocol4.zip.pt",
  "protocol5.zip.pt",
  "protocol4.legacy.pt",
  "training.zip.pt",
  "training.legacy.pt",
  "training5.zip.pt",
];

test.each(formats)("%s: every tensor matches PyTorch, read completely and by rows", async (file) => {
  await using checkpoint = await openCheckpoint(fixture(file));
  expect(checkpoint.format).toBe("torch");
  const keys = checkpoint.names();
  expect(keys.length).toBeGreaterThan(4);
  await expectTensors(file, checkpoint, keys);
});

test.each([
  ["bare.zip.pt", [""], []],
  ["bare.legacy.pt", [""], []],
  ["list.zip.pt", ["0", "1"], ["2"]],
  ["tuple.legacy.pt", ["0", "2"], ["1"]],
])("%s: a single tensor has an empty key, those of a list their indices", async (file, keys, leftOut) => {
  await using checkpoint = await openCheckpoint(fixture(file));
  expect(checkpoint).toMatchObject({ section: "", leftOut });
  expect(checkpoint.names()).toEqual(keys);
  await expectTensors(file, checkpoint);
});

test("types, views and parameters keep their element type", async () => {
  await using checkpoint = await openCheckpoint(fixture("tensors.zip.pt"));
  const dtypes = Object.fromEntries(checkpoint.names().map((name) => [name, checkpoint.get(name).dtype]));
  expect(dtypes).toMatchObject({
    f32: "F32",
    transposed: "F32",
    f64: "F64",
    f16: "F16",
    bf16: "BF16",
    i64_view: "I64",
    u16: "U16",
    u64: "U64",
    f8_e4m3: "F8_E4M3",
    f8_e5m2: "F8_E5M2",
    bool: "BOOL",
    parameter: "F32",
  });
});

describe("the complete training state", () => {
  test.each(["training.zip.pt", "training.legacy.pt", "training5.zip.pt"])("%s", async (file) => {
    await using pickle = await loadPickle(fixture(file));
    const root = pickle.value as Map<string, PickleValue>;
    const plain = Object.fromEntries(
      [...root].filter(([key]) => !["state_dict", "optimizer", "schedule"].includes(key)),
    );
    expect(plain).toMatchObject({
      epoch: 7,
      best: 0.875,
      count: -5,
      history: [1, 2.5, null, true, "text", [1, [2]], 2n ** 70n, -(2n ** 70n)],
      words: new Set(["a", "b"]),
      raw: new Uint8Array([0, 255]),
      groups: new Map([["x", [1]]]),
      size: [2, 3],
      dtype: "torch.bfloat16",
      device: "cuda:1",
    });
    const array = async (key: string) => {
      const value = root.get(key) as StoredTensor;
      expect(value).toBeInstanceOf(StoredTensor);
      return [value.dtype, [...value.shape], Array.from(await value.read(), Number)];
    };
    expect(await array("array")).toEqual(["F32", [2, 3], [0, 1, 2, 3, 4, 5]]);
    expect(await array("fortran")).toEqual(["I16", [2, 3], [0, 1, 2, 3, 4, 5]]);
    expect(await array("big")).toEqual(["F64", [2], [1.5, -2.5]]);

    const at = (...keys: (string | number)[]) =>
      keys.reduce<PickleValue>(
        (value, key) => (value as Map<PickleValue, PickleValue>).get(key) ?? null,
        root,
      );
    const moment = at("optimizer", "state", 0, "exp_avg") as StoredTensor;
    expect(moment.name).toBe("exp_avg");
    const { expected } = await import("./support/fixtures.ts");
    expect([...(await moment.read())]).toEqual(expected[file]?.["optimizer.exp_avg"]?.values);
    expect(at("schedule", "milestones")).toEqual(
      new Map([
        [2, 1],
        [4, 1],
      ]),
    );
    expect((at("optimizer", "param_groups") as Map<string, PickleValue>[])[0]?.get("lr")).toBe(0.001);
  });
});

describe("finding the state dict", () => {
  const one = tensor({ count: 2, shape: [2], strides: [1] });
  const open = async (object: Parameters<typeof torchZip>[0], options = {}) =>
    openCheckpoint(await torchZip(object, [floats(1, 2)]), { name: "m.pt", ...options });

  test("prefers usual keys, and lists the other contents", async () => {
    const object = dict({
      epoch: int(3),
      mean: one,
      model: dict({ "a.b": one, step: int(1) }),
      ema: dict({ "a.b": one }),
    });
    const checkpoint = await open(object);
    expect(checkpoint).toMatchObject({ section: "model", leftOut: ["model.step", "epoch", "mean", "ema"] });
    expect(checkpoint.names()).toEqual(["a.b"]);
    expect(checkpoint.get("a.b").name).toBe("a.b");
    expect((await open(object, { section: "ema" })).section).toBe("ema");
    expect((await open(object, { section: "" })).names()).toEqual(["mean"]);
  });

  test("tied weights keep both names", async () => {
    const checkpoint = await open(dict({ a: [one, "q", 9], b: ["h", 9] }));
    expect(checkpoint.names().map((name) => checkpoint.get(name).name)).toEqual(["a", "b"]);
    expect(await checkpoint.get("b").read()).toEqual(new Float32Array([1, 2]));
  });

  test("uses the top level, or the only section", async () => {
    expect(await open(dict({ w: one }))).toMatchObject({ section: "", leftOut: [] });
    expect(await open(dict({ epoch: int(1), encoder: dict({ w: one }) }))).toMatchObject({
      section: "encoder",
    });
    const deep = dict({ a: dict({ b: dict({ w: one }) }) });
    expect((await open(deep, { section: "a.b" })).names()).toEqual(["w"]);
  });

  test("uses a list or tensor among other values only if section selects it", async () => {
    const object = dict({ weights: one, bias: one, ema: ["](", one, one, "e"] });
    const checkpoint = await open(object);
    expect(checkpoint).toMatchObject({ section: "", leftOut: ["ema"] });
    expect(checkpoint.names()).toEqual(["weights", "bias"]);
    expect((await open(object, { section: "ema" })).names()).toEqual(["0", "1"]);
    const bare = await open(object, { section: "bias" });
    expect(bare.names()).toEqual([""]);
    expect(await bare.get("").read()).toEqual(new Float32Array([1, 2]));
    await expect(open(["](", int(1), "e"])).rejects.toThrow(
      "The file has not a dict but a list of 1: 0 (number)",
    );
    await expect(open(["]"])).rejects.toThrow(/The file has not a dict but a list$/);
  });

  test("section can index a list", async () => {
    const object = tuple(int(3), dict({ "net.w": one }), dict({ step: one }));
    await expect(open(object)).rejects.toThrow(
      "The file has not a dict but a list of 3: 0 (number), 1 (a dict with tensors), 2 (a dict with tensors)",
    );
    const checkpoint = await open(object, { section: "1" });
    expect(checkpoint).toMatchObject({ section: "1", leftOut: ["0", "2"] });
    expect(checkpoint.names()).toEqual(["net.w"]);
    const many = ["](", dict({ w: one }), new Uint8Array(300_000).fill(0x4e), "e"]; // many Nones
    expect((await open(many, { section: "0" })).leftOut.length).toBe(300_000);
    const deep = dict({ runs: tuple(dict({ w: one }), one) });
    expect((await open(deep, { section: "runs.0" })).names()).toEqual(["w"]);
    await expect(open(deep, { section: "runs.2" })).rejects.toThrow("no tensors at runs.2");
  });

  test("error messages list the keys", async () => {
    const object = dict({ encoder: dict({ w: one }), decoder: dict({ w: one }), epoch: int(1) });
    await expect(open(object)).rejects.toThrow(
      "m.pt: several sections have tensors: encoder, decoder. Choose one with section (--section)",
    );
    await expect(open(object, { section: "model" })).rejects.toThrow(
      "m.pt: no tensors at model; there are tensors at encoder, decoder; the file has 3 keys: " +
        "encoder (a dict with tensors), decoder (a dict with tensors), epoch (number)",
    );
    expect((await open(object, { section: "decoder" })).otherSections).toEqual([]);
    await expect(open(int(3))).rejects.toThrow("The file has not a dict but number");
  });

  test("strips prefixes only on request, and never merges two keys", async () => {
    const object = dict({ "module.a": one, "module.b": one, c: one });
    expect((await open(object)).names()).toEqual(["module.a", "module.b", "c"]);
    expect((await open(object, { stripPrefix: "module." })).names()).toEqual(["a", "b", "c"]);
    const under = await open(object, { under: "module." });
    expect(under.names()).toEqual(["a", "b"]);
    expect(under.leftOut).toEqual(["c"]);
    await expect(open(object, { under: "ema." })).rejects.toThrow("m.pt: no key starts with the prefix ema.");
    await expect(open(dict({ "module.a": one, a: one }), { stripPrefix: "module." })).rejects.toThrow(
      "m.pt: without the prefix module., a appears twice",
    );
  });
});

test("objects of unknown classes are kept as records, or refused", async () => {
  const path = fixture("namespace.zip.pt");
  await expect(openCheckpoint(path, { unknownClasses: "refuse" })).rejects.toThrow(
    /namespace.zip.pt.*uses argparse.Namespace/,
  );
  await using checkpoint = await openCheckpoint(path);
  expect(checkpoint).toMatchObject({ section: "model", leftOut: ["args"] });
  expect(await checkpoint.get("w").read()).toEqual(new Float32Array([1, 1]));
  await using pickle = await loadPickle(path);
  const args = (pickle.value as Map<string, PickleValue>).get("args") as PickleObject;
  expect(args).toBeInstanceOf(PickleObject);
  expect(args.className).toBe("argparse.Namespace");
  expect(args.state).toEqual(new Map([["lr", 0.1]]));
});

test("storages are read on demand, and only the requested rows", async () => {
  const content = new Uint8Array(new Float32Array(100_000).map((_, i) => i).buffer);
  const object = dict({ w: tensor({ count: 100_000, shape: [1000, 100], strides: [100, 1] }) });
  const source = countingSource(await torchZip(object, [content]));
  const checkpoint = await openCheckpoint(source);
  // The end record is searched for in the last 64 KB.
  expect(source.bytesRead).toBeLessThan(70_000);
  const before = source.bytesRead;
  expect(await checkpoint.get("w").readRange(7, 8)).toEqual(
    Float32Array.from({ length: 100 }, (_, i) => 700 + i),
  );
  expect(source.bytesRead - before).toBeLessThan(500);
});

test("a transposed tensor reads only the span of the columns", async () => {
  const content = new Uint8Array(new Float32Array(10_000).map((_, i) => i).buffer);
  // Rows of the view are halves of the rows of the storage: its second half is never read.
  const object = dict({ w: tensor({ count: 10_000, shape: [50, 10], strides: [100, 2] }) });
  const source = countingSource(await torchZip(object, [content]));
  const checkpoint = await openCheckpoint(source);
  const before = source.bytesRead;
  const row = await checkpoint.get("w").readRange(3, 4);
  expect(row).toEqual(Float32Array.from({ length: 10 }, (_, i) => 300 + 2 * i));
  expect(source.bytesRead - before).toBeLessThan(200);
});

test("big-endian files", async () => {
  const swap = (bytes: Uint8Array, unit: number): Uint8Array => {
    for (let i = 0; i < bytes.length; i += unit) bytes.subarray(i, i + unit).reverse();
    return bytes;
  };
  const object = dict({
    f: tensor({ count: 3, shape: [3], strides: [1] }),
    t: tensor({ key: "1", type: "LongStorage", count: 4, shape: [2, 2], strides: [1, 2] }),
    b: tensor({ key: "2", type: "ByteStorage", count: 2, shape: [2], strides: [1] }),
  });
  const storages = [
    swap(floats(1, 2.5, -3), 4),
    swap(new Uint8Array(new BigInt64Array([1n, -2n, 3n, 4n]).buffer), 8),
    new Uint8Array([7, 8]),
  ];
  const order = { byteorder: new TextEncoder().encode("big") };
  const checkpoint = await openCheckpoint(await torchZip(object, storages, order));
  expect(await checkpoint.get("f").read()).toEqual(new Float32Array([1, 2.5, -3]));
  expect(await checkpoint.get("t").read()).toEqual(new BigInt64Array([1n, 3n, -2n, 4n]));
  expect(await checkpoint.get("b").read()).toEqual(new Uint8Array([7, 8]));
  const odd = { byteorder: new TextEncoder().encode("middle") };
  await expect(openCheckpoint(await torchZip(object, storages, odd))).rejects.toThrow("byte order middle");
});

test("reading a row of a deflated tensor decompresses only what precedes it", async () => {
  const noise = Float32Array.from({ length: 2_000_000 }, (_, i) => Math.sin(i * i));
  const object = dict({ w: tensor({ count: 2_000_000, shape: [2000, 1000], strides: [1000, 1] }) });
  const source = countingSource(await torchZip(object, [new Uint8Array(noise.buffer)], {}, { level: 1 }));
  const checkpoint = await openCheckpoint(source);
  const before = source.bytesRead;
  expect(await checkpoint.get("w").readRange(2, 3)).toEqual(noise.slice(2000, 3000));
  expect(source.bytesRead - before).toBeLessThan(source.size / 2);
});

test("deflated and zip64 archives", async () => {
  const object = dict({ w: tensor({ count: 4000, shape: [2000, 2], strides: [2, 1] }) });
  const content = floats(...Array.from({ length: 4000 }, (_, i) => i));
  for (const options of [{ level: 9 }, { zip64: true }, { zip64: true, level: 5 }]) {
    const checkpoint = await openCheckpoint(await torchZip(object, [content], {}, options));
    expect(await checkpoint.get("w").read()).toEqual(Float32Array.from({ length: 4000 }, (_, i) => i));
    expect(await checkpoint.get("w").readRange(999, 1000)).toEqual(new Float32Array([1998, 1999]));
  }
});

test("other kinds of .pt files are identified", async () => {
  const tar = new Uint8Array(1024);
  tar.set(new TextEncoder().encode("ustar"), 257);
  await expect(openCheckpoint(tar, { name: "old.pt" })).rejects.toThrow("old.pt: a tar archive");
  await expect(openCheckpoint(new Uint8Array([0x1f, 0x8b, 8]))).rejects.toThrow("gzip");
  await expect(openCheckpoint(new TextEncoder().encode("hello"))).rejects.toThrow(
    "unknown format; expected safetensors",
  );
  await expect(loadPickle(fixture("tensors.safetensors"))).rejects.toThrow("contains no pickle");
});

describe("real checkpoints", () => {
  const networks = ["resnet20-12fca82f", "resnet32-d509ac18", "resnet44-014dd654", "resnet56-4bfd9763"];
  for (const name of networks) {
    const path = shared(`weights/resnet-cifar/${name}.th`);
    test.skipIf(path === undefined)(`${name}.th (skipped where the shared data is absent)`, async () => {
      await using checkpoint = await openCheckpoint(path as string, { stripPrefix: "module." });
      const depth = Number(name.slice(6, 8));
      expect(checkpoint.section).toBe("state_dict");
      expect([...checkpoint.get("conv1.weight").shape]).toEqual([16, 3, 3, 3]);
      expect([...checkpoint.get("linear.weight").shape]).toEqual([10, 64]);
      const convolutions = checkpoint.names().filter((key) => /conv\d\.weight$/.test(key));
      expect(convolutions).toHaveLength(depth - 1);
      for (const key of checkpoint.names()) {
        const values = Array.from(await checkpoint.get(key).read(), Number);
        expect(values.every(Number.isFinite), key).toBe(true);
        if (key.endsWith("running_var"))
          expect(
            values.every((value) => value >= 0),
            key,
          ).toBe(true);
      }
    });
  }
});
