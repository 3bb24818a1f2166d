import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  encodeSafetensors,
  openCheckpoint,
  type TensorData,
  writeSafetensors,
} from "../../src/files/index.ts";
import { countingSource, floats, rawSafetensors } from "./support/bytes.ts";
import { expectTensors, fixture, shared } from "./support/fixtures.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("the reference library's file", () => {
  test("is read exactly, for every type", async () => {
    await using checkpoint = await openCheckpoint(fixture("tensors.safetensors"));
    expect(checkpoint.format).toBe("safetensors");
    expect(checkpoint.metadata).toEqual(new Map([["format", "pt"]]));
    expect(checkpoint.names()).toHaveLength(26);
    await expectTensors("tensors.safetensors", checkpoint);
  });

  test("is reproduced byte for byte, from values and from the file", async () => {
    const original = await readFile(fixture("tensors.safetensors"));
    await using checkpoint = await openCheckpoint(fixture("tensors.safetensors"));
    const { metadata } = checkpoint;
    const tensors = checkpoint.names().map((name) => checkpoint.get(name));
    const path = join(folder, "again.safetensors");
    await writeSafetensors(path, tensors.toReversed(), { metadata });
    expect(original.equals(await readFile(path))).toBe(true);
    expect(
      original.equals(await encodeSafetensors(tensors, { metadata: Object.fromEntries(metadata) })),
    ).toBe(true);
  });
});

const anyTensor = fc
  .record({
    dtype: fc.constantFrom("float32", "float16", "int32", "int64", "uint8", "bool"),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
    seed: fc.integer(),
  })
  .map(({ dtype, shape, seed }): Omit<TensorData, "name"> => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: size }, (_, i) => (seed % 1000) + 3 * i);
    const data = {
      float32: () => Float32Array.from(values, (v) => v / 7),
      float16: () => Float16Array.from(values, (v) => v / 7),
      int32: () => Int32Array.from(values),
      int64: () => BigInt64Array.from(values, (v) => BigInt(v) ** 5n),
      uint8: () => Uint8Array.from(values),
      bool: () => Uint8Array.from(values, (v) => Math.abs(v % 2)),
    } as const;
    return { dtype, shape, data: data[dtype] };
  });

test("arbitrary tensors and names round-trip, read completely and by rows", async () => {
  const property = fc.asyncProperty(
    fc.dictionary(fc.string({ unit: "grapheme" }), anyTensor, { maxKeys: 6 }),
    fc.dictionary(fc.string(), fc.string({ unit: "grapheme" })),
    async (tensors, metadata) => {
      const list = Object.entries(tensors).map(([name, tensor]): TensorData => ({ name, ...tensor }));
      const bytes = await encodeSafetensors(list, { metadata });
      expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
      await using checkpoint = await openCheckpoint(bytes);
      expect(checkpoint.metadata).toEqual(new Map(Object.entries(metadata)));
      expect(checkpoint.names().sort()).toEqual(list.map(({ name }) => name).sort());
      for (const { name, shape, dtype, data } of list) {
        const want = typeof data === "function" ? await data() : data;
        const tensor = checkpoint.get(name);
        expect(tensor.shape).toEqual(shape);
        expect(tensor.hostDType()).toBe(dtype);
        expect(await tensor.read()).toEqual(want);
        const rows = shape[0] ?? 0;
        if (rows === 0) continue;
        const row = want.length / rows;
        expect(await tensor.readRange(rows - 1, rows)).toEqual(want.slice((rows - 1) * row));
      }
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test("reading a row reads only that row", async () => {
  const bytes = await encodeSafetensors([
    { name: "w", dtype: "float32", shape: [1000, 100], data: new Float32Array(100_000).fill(2) },
  ]);
  const source = countingSource(bytes);
  const checkpoint = await openCheckpoint(source);
  const header = source.bytesRead;
  expect(header).toBeLessThan(1000);
  expect(await checkpoint.get("w").readRange(500, 502)).toEqual(new Float32Array(200).fill(2));
  expect(source.bytesRead - header).toBe(800);
});

describe("conversion", () => {
  test("bfloat16 rounds to nearest, ties to even, and keeps infinities and NaN", async () => {
    const cases: [number, number][] = [
      [1, 1],
      [1 + 2 ** -8, 1], // tie: down to even
      [1 + 3 * 2 ** -8, 1 + 2 ** -6], // tie: up to even
      [1 + 2 ** -8 + 2 ** -20, 1 + 2 ** -7], // just above a tie
      [3.4028234663852886e38, Infinity],
      [-Infinity, -Infinity],
      [NaN, NaN],
      [-0, -0],
      [2 ** -133, 2 ** -133], // the smallest subnormal
      [2 ** -140, 0],
    ];
    const data = Float32Array.from(cases, ([value]) => value);
    const bytes = await encodeSafetensors([{ name: "x", dtype: "float32", shape: [cases.length], data }], {
      floats: "BF16",
    });
    const tensor = (await openCheckpoint(bytes)).get("x");
    expect(tensor.dtype).toBe("BF16");
    expect(await tensor.read()).toEqual(Float32Array.from(cases, ([, value]) => value));
  });

  test("a NaN whose payload is only in the low bits stays a NaN", async () => {
    const data = new Float32Array(new Uint32Array([0x7f80_0001, 0xffff_ffff]).buffer);
    const bytes = await encodeSafetensors([{ name: "x", dtype: "float32", shape: [2], data }], {
      floats: "BF16",
    });
    expect(await (await openCheckpoint(bytes)).get("x").read()).toEqual(new Float32Array([NaN, NaN]));
  });

  test("every bfloat16 survives the round trip to float32", async () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const source = await openCheckpoint(
      rawWithData(
        { x: { dtype: "BF16", shape: [65536], data_offsets: [0, 131072] } },
        new Uint8Array(halves.buffer),
      ),
    );
    const wide = await encodeSafetensors([source.get("x")], { floats: "F32" });
    const narrow = await encodeSafetensors([(await openCheckpoint(wide)).get("x")], { floats: "BF16" });
    const back = new Uint16Array((await (await openCheckpoint(narrow)).get("x").readBytes()).buffer);
    const isNaN16 = (bits: number): boolean => (bits & 0x7fff) > 0x7f80;
    for (let i = 0; i < 65536; i++)
      expect(isNaN16(i) ? isNaN16(back[i] as number) : back[i] === i, `code ${i}`).toBe(true);
  });

  test("half precision is read as float16 or, on request, float32; other types do not change", async () => {
    const tensors: TensorData[] = [
      { name: "f", dtype: "float32", shape: [2], data: new Float32Array([0.1, 70000]) },
      { name: "i", dtype: "int32", shape: [1], data: new Int32Array([5]) },
    ];
    await using checkpoint = await openCheckpoint(await encodeSafetensors(tensors, { floats: "F16" }));
    const half = checkpoint.get("f");
    expect(half.dtype).toBe("F16");
    expect(checkpoint.get("i").dtype).toBe("I32");
    expect(await half.read()).toEqual(new Float16Array([0.1, Infinity]));
    expect(half.hostDType({ float16: "float32" })).toBe("float32");
    expect(await half.read({ float16: "float32" })).toEqual(new Float32Array([0.0999755859375, Infinity]));
  });

  test("all 8-bit floats have the values of their formats", async () => {
    const codes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const read = async (dtype: string): Promise<Float32Array> =>
      (await (
        await openCheckpoint(rawWithData({ x: { dtype, shape: [256], data_offsets: [0, 256] } }, codes))
      )
        .get("x")
        .read()) as Float32Array;
    // Largest and smallest magnitudes from the tables in the papers.
    const e4m3 = await read("F8_E4M3");
    expect([e4m3[0x7e], e4m3[0x7f], e4m3[0x01], e4m3[0xfe], e4m3[0x80]]).toEqual([
      448,
      NaN,
      2 ** -9,
      -448,
      -0,
    ]);
    const e5m2 = await read("F8_E5M2");
    expect([e5m2[0x7b], e5m2[0x7c], e5m2[0xfc], e5m2[0x7d], e5m2[0x01]]).toEqual([
      57344,
      Infinity,
      -Infinity,
      NaN,
      2 ** -16,
    ]);
    const e4m3fnuz = await read("F8_E4M3FNUZ");
    expect([e4m3fnuz[0x7f], e4m3fnuz[0x80], e4m3fnuz[0x01]]).toEqual([240, NaN, 2 ** -10]);
    const e5m2fnuz = await read("F8_E5M2FNUZ");
    expect([e5m2fnuz[0x7f], e5m2fnuz[0x80], e5m2fnuz[0x01]]).toEqual([57344, NaN, 2 ** -17]);
    const e8m0 = await read("F8_E8M0");
    expect([e8m0[0], e8m0[127], e8m0[254], e8m0[255]]).toEqual([2 ** -127, 1, 2 ** 127, NaN]);
  });

  test("types without a host dtype support only readBytes", async () => {
    const header = {
      c: { dtype: "C64", shape: [1], data_offsets: [0, 8] },
      f4: { dtype: "F4", shape: [3, 2], data_offsets: [8, 11] },
    };
    const checkpoint = await openCheckpoint(rawSafetensors(header, 11));
    expect((await checkpoint.get("f4").readBytes()).length).toBe(3);
    expect(checkpoint.get("c").hostDType()).toBeUndefined();
    await expect(checkpoint.get("c").read()).rejects.toThrow("c: C64 has no host dtype; use readBytes");
  });

  test("uint64 values beyond int64 are refused, not wrapped", async () => {
    const header = { u: { dtype: "U64", shape: [2], data_offsets: [0, 16] } };
    const data = new Uint8Array(new BigUint64Array([5n, 2n ** 63n]).buffer);
    const checkpoint = await openCheckpoint(rawWithData(header, data));
    await expect(checkpoint.get("u").read()).rejects.toThrow(
      "u: element 1 of U64 is 9223372036854775808, which does not fit int64",
    );
  });

  test("bool bytes other than 0 and 1 become 1", async () => {
    const header = { b: { dtype: "BOOL", shape: [3], data_offsets: [0, 3] } };
    const checkpoint = await openCheckpoint(rawWithData(header, new Uint8Array([0, 1, 255])));
    expect(await checkpoint.get("b").read()).toEqual(new Uint8Array([0, 1, 1]));
  });
});

function rawWithData(header: object, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = rawSafetensors(header, data.length);
  bytes.set(data, bytes.length - data.length);
  return bytes;
}

describe("writing refuses", () => {
  const good: TensorData = { name: "a", dtype: "float32", shape: [2], data: new Float32Array(2) };
  const cases: [string, TensorData[], string][] = [
    ["duplicate names", [good, good], "a: the name is duplicate"],
    ["the reserved name", [{ ...good, name: "__metadata__" }], "reserved"],
    ["half a surrogate pair", [{ ...good, name: "\ud800" }], "not valid Unicode"],
    ["too little data", [{ ...good, shape: [3] }], "a: shape [3] needs 12 bytes, the data has 8"],
    ["another array type", [{ ...good, dtype: "int64" }], "a: a Float32Array cannot be stored as I64"],
    ["impossible shapes", [{ ...good, shape: [-1] }], "[-1] is not a shape"],
  ];
  test.each(cases)("%s, and keeps the old file", async (_, tensors, message) => {
    const path = join(folder, "old.safetensors");
    await writeSafetensors(path, [good]);
    const before = await readFile(path);
    await expect(writeSafetensors(path, tensors)).rejects.toThrow(message);
    expect(before.equals(await readFile(path))).toBe(true);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("hostile files", () => {
  const f32 = (shape: number[], start: number, end: number) => ({
    dtype: "F32",
    shape,
    data_offsets: [start, end],
  });
  const cases: [string, Uint8Array<ArrayBuffer>, string][] = [
    ["an empty file", new Uint8Array(0), "an empty file"],
    ["three bytes", new Uint8Array(3), "truncated: 3 bytes, too short for a header length"],
    [
      "a header longer than the file",
      Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0, 0x7b),
      "truncated: a header of 255 bytes in a file of 9",
    ],
    [
      "a header of 2^63 bytes",
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128, 0x7b),
      "a header of 9223372036854775808 bytes",
    ],
    [
      "a header over 100 MB",
      Uint8Array.of(1, 225, 245, 5, 0, 0, 0, 0, 0x7b),
      "a header of 100000001 bytes, at most 100000000",
    ],
    ["a header that is not an object", rawSafetensors("[1]"), "does not start with {"],
    ["truncated JSON", rawSafetensors('{"a":'), "the header is damaged"],
    ["text after the object", rawSafetensors("{} x"), "the header is damaged"],
    ["bad UTF-8", rawSafetensors("{}").fill(0xff, 9), "the header is damaged: not valid UTF-8"],
    [
      "a duplicate key",
      rawSafetensors(
        '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}',
        4,
      ),
      "the key a appears twice",
    ],
    [
      "a duplicate key, once escaped",
      rawSafetensors(
        '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}',
        4,
      ),
      "the key a appears twice",
    ],
    [
      "a duplicate dtype",
      rawSafetensors('{"a":{"dtype":"F32","dtype":"I8","shape":[],"data_offsets":[0,4]}}', 4),
      "the key dtype appears twice",
    ],
    ["deep nesting", rawSafetensors(`{"a":${"[".repeat(100_000)}`), "nested too deep"],
    [
      "an unknown dtype",
      rawSafetensors({ a: { dtype: "Q4", shape: [1], data_offsets: [0, 4] } }, 4),
      "a: unknown dtype Q4",
    ],
    ["no dtype", rawSafetensors({ a: { shape: [1], data_offsets: [0, 4] } }, 4), "a: no dtype"],
    ["no shape", rawSafetensors({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4), "a: no valid shape"],
    ["a null", rawSafetensors({ a: null }), "a: no dtype"],
    ["a negative size", rawSafetensors({ a: f32([-1], 0, 4) }, 4), "a: no valid shape"],
    ["a fraction", rawSafetensors({ a: f32([1.5], 0, 6) }, 6), "a: no valid shape"],
    [
      "three offsets",
      rawSafetensors({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4, 8] } }, 8),
      "a: no valid data_offsets",
    ],
    [
      "reversed offsets",
      rawSafetensors({ a: f32([1], 4, 0) }, 4),
      "a: data_offsets [4, 0] end before they start",
    ],
    [
      "offsets beyond the file",
      rawSafetensors({ a: f32([2], 0, 8) }, 4),
      "truncated: the header describes 8 bytes of data, the file has 4",
    ],
    [
      "too few bytes for the shape",
      rawSafetensors({ a: f32([2], 0, 4) }, 4),
      "a: F32 of shape [2] takes 8 bytes, data_offsets span 4",
    ],
    [
      "an overlap",
      rawSafetensors({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8),
      "b: data_offsets [4, 8] overlap the previous tensor, which ends at 8",
    ],
    [
      "a gap",
      rawSafetensors({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
      "b: data_offsets [8, 12] leave a gap after the previous tensor, which ends at 4",
    ],
    ["a gap at the start", rawSafetensors({ a: f32([1], 4, 8) }, 8), "a: data_offsets [4, 8] leave a gap"],
    [
      "bytes after the last tensor",
      rawSafetensors({ a: f32([1], 0, 4) }, 8),
      "the header describes 4 bytes of data, the file has 8",
    ],
    [
      "2^62 elements",
      rawSafetensors({ a: f32([2 ** 31, 2 ** 31], 0, 4) }, 4),
      "a: shape [2147483648, 2147483648] is too large",
    ],
    ["2^62 elements times zero", rawSafetensors({ a: f32([2 ** 31, 2 ** 31, 0], 0, 0) }), "is too large"],
    ["zero times 2^62 elements", rawSafetensors({ a: f32([0, 2 ** 31, 2 ** 31], 0, 0) }), "is too large"],
    [
      "many sizes",
      rawSafetensors({ a: f32(new Array(100).fill(1000), 0, 4) }, 4),
      "a: shape [1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, … 100 in all] is too large",
    ],
    [
      "metadata that is not a string",
      rawSafetensors({ __metadata__: { a: 1 } }),
      "__metadata__: a must map to a string",
    ],
    ["metadata that is not an object", rawSafetensors({ __metadata__: ["a"] }), "__metadata__"],
    [
      "a name of a megabyte",
      rawSafetensors({ ["x".repeat(2 ** 20)]: null }),
      `${"x".repeat(120)}…: no dtype`,
    ],
    ["a name with control characters", rawSafetensors({ "\u001b[31m": null }), '"\\u001b[31m": no dtype'],
  ];
  test.each(cases)("%s", async (_, file, message) => {
    const error = await openCheckpoint(new File([file], "bad.safetensors")).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toHaveProperty("name", "CheckpointError");
    expect(String(error)).toContain("bad.safetensors: ");
    expect(String(error)).toContain(message);
    expect(String(error).length).toBeLessThan(500);
  });

  test("a file truncated anywhere is refused", async () => {
    const whole = await encodeSafetensors([
      { name: "a", dtype: "float32", shape: [3], data: new Float32Array(3) },
    ]);
    for (let length = 0; length < whole.length; length++)
      await expect(openCheckpoint(new File([whole.slice(0, length)], "cut.safetensors"))).rejects.toThrow(
        /^cut.safetensors: /,
      );
    expect((await openCheckpoint(whole)).names()).toEqual(["a"]);
  });

  test("names with a meaning in JavaScript are ordinary names", async () => {
    const names = ["__proto__", "constructor", "toString", "0", "hasOwnProperty"];
    const tensors = names.map(
      (name, i): TensorData => ({ name, dtype: "float32", shape: [1], data: new Float32Array([i]) }),
    );
    const checkpoint = await openCheckpoint(await encodeSafetensors(tensors));
    for (const [i, name] of names.entries())
      expect(await checkpoint.get(name).read()).toEqual(new Float32Array([i]));
    expect(checkpoint.has("valueOf")).toBe(false);
    expect(() => checkpoint.get("valueOf")).toThrow(
      "memory: no tensor valueOf; it has 0, __proto__, constructor, hasOwnProperty, toString",
    );
  });
});

describe("sharded checkpoints", () => {
  const shard = (name: string, value: number) =>
    encodeSafetensors([{ name, dtype: "float32", shape: [2], data: new Float32Array([value, value]) }]);
  const write = async (index: unknown): Promise<string> => {
    const { writeFile } = await import("node:fs/promises");
    await writeFile(join(folder, "model-00001-of-00002.safetensors"), await shard("first", 1));
    await writeFile(join(folder, "model-00002-of-00002.safetensors"), await shard("second", 2));
    const path = join(folder, "model.safetensors.index.json");
    await writeFile(path, JSON.stringify(index));
    return path;
  };
  const map = { first: "model-00001-of-00002.safetensors", second: "model-00002-of-00002.safetensors" };

  test("open as one checkpoint", async () => {
    await using checkpoint = await openCheckpoint(
      await write({ metadata: { total_size: 16 }, weight_map: map }),
    );
    expect(checkpoint.format).toBe("sharded");
    expect(checkpoint.names()).toEqual(["first", "second"]);
    expect(checkpoint.metadata.get("total_size")).toBe("16");
    expect(await checkpoint.get("second").read()).toEqual(floatsOf(2, 2));
  });

  const refused: [string, unknown, string][] = [
    [
      "a folder above",
      { weight_map: { ...map, x: "../x.safetensors" } },
      "x is in ../x.safetensors, which is not a file name in the folder of the index",
    ],
    ["an absolute path", { weight_map: { x: "/etc/passwd" } }, "not a file name in the folder of the index"],
    ["a URL", { weight_map: { x: "https://example.org" } }, "not a file name in the folder of the index"],
    ["a number", { weight_map: { x: 3 } }, "not a file name in the folder of the index"],
    ["itself", { weight_map: { x: "model.safetensors.index.json" } }, "expected a shard, got another index"],
    [
      "a tensor missing from its shard",
      { weight_map: { ...map, third: map.first } },
      "model-00001-of-00002.safetensors: no tensor third; it has first",
    ],
    ["no map", { weights: {} }, "without the weight_map of a checkpoint index"],
  ];
  test.each(refused)("refused: %s", async (_, index, message) => {
    await expect(openCheckpoint(await write(index))).rejects.toThrow(message);
  });

  test("refused: a missing shard", async () => {
    const path = await write({ weight_map: { x: "missing.safetensors" } });
    await expect(openCheckpoint(path)).rejects.toThrow(/ENOENT.*missing\.safetensors/);
  });

  test("an index in memory cannot find its shards", async () => {
    const index = new TextEncoder().encode(JSON.stringify({ weight_map: map }));
    await expect(openCheckpoint(index)).rejects.toThrow("open it by path or URL");
  });
});

function floatsOf(...values: number[]): Float32Array {
  return new Float32Array(floats(...values).buffer);
}

describe("real checkpoints", () => {
  const files = [
    "weights/moshi-test/test_lm_model.safetensors",
    "weights/lyra-soundstream/quantizer.safetensors",
    "weights/lyra-soundstream/soundstream_encoder.safetensors",
  ];
  for (const file of files) {
    const path = shared(file);
    test.skipIf(path === undefined)(`${file} (skipped where the shared data is absent)`, async () => {
      await using checkpoint = await openCheckpoint(path as string);
      expect(checkpoint.names().length).toBeGreaterThan(50);
      for (const name of checkpoint.names()) {
        const values = await checkpoint.get(name).read();
        expect(values).toHaveLength(checkpoint.get(name).size);
        expect(Array.from(values, Number).every(Number.isFinite), name).toBe(true);
      }
    });
  }
});
