import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeNpy, openCheckpoint, type TensorData, writeNpy, writeNpz } from "../../src/files/index.ts";
import { bytes, countingSource, little } from "./support/bytes.ts";
import { expectTensors, fixture, shared } from "./support/fixtures.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "numpy-"));
});
afterAll(() => rm(folder, { recursive: true }));

test.each(["arrays.npz", "arrays.packed.npz"])(
  "%s: every memory order, byte order and type as in NumPy",
  async (file) => {
    await using checkpoint = await openCheckpoint(fixture(file));
    expect(checkpoint.format).toBe("npz");
    expect(checkpoint.names()).toHaveLength(8);
    expect(checkpoint.get("half").dtype).toBe("F16");
    await expectTensors(file, checkpoint);
  },
);

test.each([1, 2, 3])("version %d of the format", async (version) => {
  await using checkpoint = await openCheckpoint(fixture(`version${version}.npy`));
  expect(checkpoint.names()).toEqual([""]);
  expect([...checkpoint.get("").shape]).toEqual([2, 3, 4]);
  expect(await checkpoint.get("").read()).toEqual(Float32Array.from({ length: 24 }, (_, i) => i));
});

test("Python objects are refused", async () => {
  await expect(openCheckpoint(fixture("objects.npz"))).rejects.toThrow(
    "objects.npz: o: an array of Python objects",
  );
});

function npy(header: string, data: number, version = 1): Uint8Array<ArrayBuffer> {
  return bytes(
    "\x93NUMPY",
    version,
    0,
    little(header.length, version === 1 ? 2 : 4),
    header,
    new Uint8Array(data),
  );
}

test("headers formatted by other writers", async () => {
  const headers = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }\n",
    "{'shape': (2, 1), 'fortran_order': False, 'descr': '<f4'}",
    '{"descr":"<f4","fortran_order":True,"shape":(2,1)}   \n',
  ];
  for (const header of headers)
    expect([...(await openCheckpoint(npy(header, 8))).get("").shape], header).toEqual([2, 1]);
  const scalar = await openCheckpoint(npy("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", 1));
  expect([...scalar.get("").shape]).toEqual([]);
});

const hostile: [string, Uint8Array<ArrayBuffer>, string][] = [
  [
    "a header longer than the file",
    bytes("\x93NUMPY", 1, 0, 255, 255, "{}"),
    "a header of 65535 bytes in 12",
  ],
  ["a header of 4 GB", bytes("\x93NUMPY", 2, 0, 255, 255, 255, 255, "{}"), "a header of 4294967295 bytes"],
  ["no header", npy("", 0), "not a .npy array of version 1 to 3"],
  ["not a dict", npy("[1, 2, 3]", 0), "the header [1, 2, 3] is damaged"],
  ["no shape", npy("{'descr': '<f4', 'fortran_order': False}", 4), "is damaged"],
  [
    "code for a shape",
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os')}", 4),
    "is damaged",
  ],
  [
    "a structured array",
    npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4),
    "a structured array",
  ],
  ["text", npy("{'descr': '<U4', 'fortran_order': False, 'shape': (1,)}", 16), "NumPy type <U4"],
  ["times", npy("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}", 8), "NumPy type <M8[ns]"],
  ["long double", npy("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", 16), "NumPy type <f16"],
  [
    "an integer of one and a half",
    npy("{'descr': '<f1', 'fortran_order': False, 'shape': (1,)}", 1),
    "NumPy type <f1",
  ],
  [
    "too little data",
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 8),
    "F32 of shape [3] takes 12 bytes, the file has 8",
  ],
  [
    "too much data",
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 8),
    "takes 4 bytes, the file has 8",
  ],
  [
    "2^62 elements",
    npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2147483648, 2147483648)}", 8),
    "is too large",
  ],
];
test.each(hostile)("refused: %s", async (_, file, message) => {
  const error = await openCheckpoint(file, { name: "x.npy" }).catch(String);
  expect(error).toContain("CheckpointError: x.npy: ");
  expect(error).toContain(message);
});

const tensors: TensorData[] = [
  { name: "a.weight", dtype: "float32", shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) },
  { name: "half", dtype: "float16", shape: [2], data: new Float16Array([0.5, -2]) },
  { name: "long", dtype: "int64", shape: [], data: new BigInt64Array([-(2n ** 60n)]) },
  { name: "flags", dtype: "bool", shape: [3], data: () => new Uint8Array([1, 0, 1]) },
  { name: "none", dtype: "int32", shape: [0, 4], data: new Int32Array(0) },
];

describe("writing", () => {
  test("round trip", async () => {
    const path = join(folder, "written.npz");
    await writeNpz(path, tensors);
    await using checkpoint = await openCheckpoint(path);
    expect(checkpoint.names()).toEqual(tensors.map(({ name }) => name));
    for (const { name, shape, data, dtype } of tensors) {
      expect([...checkpoint.get(name).shape]).toEqual(shape);
      expect(checkpoint.get(name).hostDType()).toBe(dtype);
      expect(await checkpoint.get(name).read()).toEqual(typeof data === "function" ? data() : data);
    }
  });

  test("a single array is written like NumPy does", async () => {
    const { readFile } = await import("node:fs/promises");
    const path = join(folder, "one.npy");
    await writeNpy(path, tensors[0] as TensorData);
    const file = await readFile(path);
    const dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    expect(file.subarray(0, 128).toString("latin1")).toBe(`\x93NUMPY\x01\x00\x76\x00${dict.padEnd(117)}\n`);
    expect(new Float32Array(Uint8Array.from(file.subarray(128)).buffer)).toEqual(
      Float32Array.from([1, 2, 3, 4, 5, 6]),
    );
  });

  test.each([
    [[3], "(3,)"],
    [[], "()"],
    [[1, 3], "(1, 3)"],
  ])("the shape %j is written as the tuple %s", async (shape, tuple) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const file = await encodeNpy({ name: "", dtype: "float32", shape, data });
    expect(new TextDecoder("latin1").decode(file)).toContain(`'shape': ${tuple}, }`);
  });

  test("data that does not fill the shape is refused", async () => {
    const wrong: TensorData = { name: "w", dtype: "float32", shape: [3], data: new Float32Array(2) };
    await expect(encodeNpy(wrong)).rejects.toThrow("w: shape [3] needs 3 elements, the data has 2");
  });
});

test("reading a row of an uncompressed array reads only that row", async () => {
  const data = Float32Array.from({ length: 100_000 }, (_, i) => i);
  const source = countingSource(await encodeNpy({ name: "", dtype: "float32", shape: [1000, 100], data }));
  const checkpoint = await openCheckpoint(source);
  expect(source.bytesRead).toBeLessThan(1000);
  const before = source.bytesRead;
  expect(await checkpoint.get("").readRange(3, 4)).toEqual(data.slice(300, 400));
  expect(source.bytesRead - before).toBe(400);
});

const vae = shared("weights/conv-vae-mnist/vae_mnist_filters_0064_dims_0008.npz");
test.skipIf(vae === undefined)("a real archive (skipped where the shared data is absent)", async () => {
  await using checkpoint = await openCheckpoint(vae as string);
  expect(checkpoint.names()).toHaveLength(39);
  for (const name of checkpoint.names()) {
    const values = Array.from(await checkpoint.get(name).read(), Number);
    expect(values).toHaveLength(checkpoint.get(name).size);
    expect(values.every(Number.isFinite), name).toBe(true);
  }
});
