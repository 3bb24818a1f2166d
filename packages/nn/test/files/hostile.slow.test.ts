/** Malicious files: each gives a clear error in bounded time and memory, and nothing is executed. */

import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collect } from "../../../tensor/test/support/memory.ts";
import { CheckpointError, loadPickle, openCheckpoint, PickleObject } from "../../src/files/index.ts";
import {
  bytes,
  call,
  dict,
  floats,
  global,
  int,
  little,
  type Part,
  pickle,
  storage,
  tensor,
  text,
  torchZip,
  tuple,
  zip,
} from "./support/bytes.ts";
import { fixture } from "./support/fixtures.ts";

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  const { message } = error as Error;
  expect(message.length).toBeLessThan(800);
  return message;
}

/**
 * Runs `work` with limits on its CPU time and on the memory held at its end: far above what a slow machine needs,
 * far below what these files demand.
 */
async function bounded<T>(work: () => Promise<T>): Promise<T> {
  const start = process.cpuUsage();
  const before = process.memoryUsage().rss;
  const result = await work();
  const cpu = process.cpuUsage(start);
  // Memory that has not been collected yet does not count.
  collect();
  expect((cpu.user + cpu.system) / 1e6).toBeLessThan(30);
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(600);
  return result;
}

const LEGACY_MAGIC = pickle(0x8a, 10, [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]);

describe("pickles that call code", () => {
  const ls = text("touch /tmp/executed");
  const cases: [string, Uint8Array<ArrayBuffer>, string][] = [
    ["REDUCE of os.system", pickle(call(global("os", "system"), ls)), "os.system"],
    ["REDUCE of posix.system", pickle(call(global("posix", "system"), ls)), "posix.system"],
    ["REDUCE of eval", pickle(call(global("builtins", "eval"), text("1+1"))), "builtins.eval"],
    ["Python 2's eval", pickle(call(global("__builtin__", "eval"), text("1+1"))), "builtins.eval"],
    ["STACK_GLOBAL", bytes(0x80, 4, text("os"), text("system"), 0x93, tuple(ls), "R."), "os.system"],
    ["INST", bytes(0x80, 2, "(", ls, "ios\nsystem\n."), "os.system"],
    ["OBJ", bytes(0x80, 2, "(", global("os", "system"), ls, "o."), "os.system"],
    ["NEWOBJ", bytes(0x80, 2, global("subprocess", "Popen"), tuple(ls), 0x81, "."), "subprocess.Popen"],
    [
      "NEWOBJ_EX",
      bytes(0x80, 4, global("subprocess", "Popen"), tuple(ls), "}", 0x92, "."),
      "subprocess.Popen",
    ],
    ["getattr", pickle(call(global("builtins", "getattr"), text("x"), text("y"))), "builtins.getattr"],
    [
      "a nested torch.load",
      pickle(call(global("torch.storage", "_load_from_bytes"), text("x"))),
      "_load_from_bytes",
    ],
    ["importlib", pickle(call(global("importlib", "import_module"), text("os"))), "importlib.import_module"],
    ["JavaScript names", pickle(global("constructor", "constructor")), "constructor.constructor"],
    ["a prototype", pickle(global("__proto__", "toString")), "__proto__.toString"],
    ["EXT1", bytes(0x80, 2, 0x82, 1, "."), "extension code"],
    ["EXT2", bytes(0x80, 2, 0x83, 1, 0, "."), "extension code"],
    ["EXT4", bytes(0x80, 2, 0x84, 1, 0, 0, 0, "."), "extension code"],
    ["BUILD of a number", pickle(int(1), "}b"), "BUILD on something without attributes"],
    [
      "BUILD of a listed class",
      pickle(global("torch", "Size"), "}b"),
      "BUILD on something without attributes",
    ],
    [
      "a call of a name",
      pickle(call(global("torch", "FloatStorage"), int(3))),
      "a call of torch.FloatStorage",
    ],
    ["a call of a type", pickle(call(global("builtins", "object"))), "a call of builtins.object"],
    ["a call of text", pickle(call(text("os.system"), ls)), "a call of something that is not a function"],
    ["a call without a tuple", pickle(global("torch", "Size"), ls, "R"), "without a tuple of arguments"],
    [
      "keyword arguments",
      bytes(0x80, 4, global("torch", "Size"), ")", dict({ a: ls }), 0x92, "."),
      "keyword arguments",
    ],
    ["a buffer from outside", bytes(0x80, 5, 0x97, "."), "out-of-band buffer"],
    [
      "a persistent id of its own",
      pickle(tuple(text("file"), text("/etc/passwd")), "Q"),
      "expected only numbers",
    ],
    ["PERSID", pickle("P/etc/passwd\n"), "expected only numbers"],
  ];
  test.each(cases)("%s", async (_, file, message) => {
    const refusing = { unknownClasses: "refuse" } as const;
    expect(await failure(loadPickle(file, { name: "evil.pkl", ...refusing }))).toContain(message);
    const asTorch = await torchZip([file.subarray(2, -1)]);
    expect(await failure(openCheckpoint(asTorch, { name: "evil.pt", ...refusing }))).toMatch(
      /^evil\.pt: archive\/data\.pkl: pickle, byte \d+: /,
    );
    // By default, too: as an attack, as damage, or because there are no tensors.
    expect(await failure(openCheckpoint(asTorch, { name: "evil.pt" }))).toMatch(
      /^evil\.pt: (archive\/data\.pkl: pickle, byte \d+: |no tensors found. The file has not a dict but an object)/,
    );
  });

  test.each(["os.system", "posix.system", "subprocess.Popen", "builtins.eval", "importlib.import_module"])(
    "%s is reported as an attack, wherever it occurs",
    async (name) => {
      const dot = name.lastIndexOf(".");
      const callee = global(name.slice(0, dot), name.slice(dot + 1));
      const file = await torchZip(
        dict({
          w: tensor({ count: 2, shape: [2], strides: [1] }),
          config: call(global("my.module", "Config"), call(callee, ls)),
        }),
        [floats(1, 2)],
      );
      expect(await failure(openCheckpoint(file))).toContain(`loading this file in Python would run ${name}`);
    },
  );

  test("opaque, they are inert data", async () => {
    const file = pickle(call(global("os", "system"), ls), dict({ a: int(1) }), "b");
    const { value } = await loadPickle(file, { unknownClasses: "opaque" });
    expect(value).toBeInstanceOf(PickleObject);
    expect(value).toMatchObject({
      className: "os.system",
      args: ["touch /tmp/executed"],
      state: new Map([["a", 1]]),
    });
    const chained = pickle(call(call(global("builtins", "getattr"), ls), text("x")));
    const result = await loadPickle(chained, { unknownClasses: "opaque" });
    expect(result.value).toMatchObject({ className: "builtins.getattr", args: ["x"] });
  });
});

describe("infinitely nested models", () => {
  const empty = "}";
  const module = (modules: Part) =>
    [
      call(global("m", "Net")),
      dict({ _parameters: empty, _buffers: empty, _modules: modules }),
      "b",
    ] as const;

  test("a module that contains itself", async () => {
    // The module is memoized (q 7) before its state refers to it (h 7).
    const loop = [
      call(global("m", "Net")),
      "q\x07",
      dict({ _parameters: empty, _modules: dict({ again: "h\x07" }) }),
      "b",
    ];
    expect(await failure(openCheckpoint(await torchZip(loop)))).toContain("nested 64 deep");
  });

  test("a long chain of modules, each used twice", async () => {
    let chain: Part = module(empty);
    for (let i = 0; i < 40; i++) chain = module(dict({ a: [chain, "q", 9], b: ["h", 9] }));
    const file = await torchZip(chain);
    expect(await bounded(() => failure(openCheckpoint(file)))).toContain("more than 65536 modules");
  });
});

describe("damaged pickles", () => {
  const cases: [string, Uint8Array<ArrayBuffer>, string][] = [
    ["no STOP", bytes(0x80, 2, "N"), "truncated"],
    ["an unknown opcode", pickle(0xff), "0xff is not an opcode"],
    ["an unknown protocol", bytes(0x80, 2, 0x80, 9, "."), "protocol 9"],
    ["an empty stack", pickle(), "the stack is empty"],
    ["a pop below the mark", pickle(int(1), "(", 0x85), "the stack is empty"],
    ["no mark", pickle("t"), "no mark on the stack"],
    ["a forgotten object", pickle("h", 7), "object 7 is not in the memo"],
    ["a key without a value", pickle("}(", int(1), "u"), "a key without a value"],
    ["items for a number", pickle(int(1), int(2), "a"), "APPEND to something that is not a list"],
    ["keys for a list", pickle("]", int(1), int(2), "s"), "SETITEM on something that is not a dict"],
    ["text longer than the file", pickle("X", little(2 ** 31, 4), "ab"), "truncated"],
    [
      "bytes longer than everything",
      pickle(0x8e, little(2n ** 63n, 8)),
      "a length of 9223372036854775808 bytes",
    ],
    ["bad UTF-8", pickle("X", little(1, 4), 0xff), "not valid UTF-8"],
    [
      "a huge integer",
      pickle(0x8b, little(2 ** 20, 4), new Uint8Array(2 ** 20)),
      "an integer of 1048576 bytes",
    ],
    ["a long decimal", pickle("L", "9".repeat(100_000), "L\n"), "is not an integer"],
    ["an invalid number", pickle("Fconstructor\n"), "constructor is not a number"],
    ["text without quotes", pickle("Sabc\n"), "a string without quotes"],
    ["a name that is not a string", bytes(0x80, 4, int(1), int(2), 0x93, "."), "expected a string"],
    ["an array never filled", pickle(call(global("numpy.core.multiarray", "_reconstruct"))), "never filled"],
    [
      "an array of objects",
      pickle(
        call(global("numpy", "dtype"), text("O8")),
        "q",
        0,
        "0",
        call(global("numpy.core.multiarray", "scalar"), ["h", 0], text("x")),
      ),
      "an array of Python objects",
    ],
    [
      "an array of too few bytes",
      numpyArray([3], "f4", 8),
      "F32 of shape [3] takes 12 bytes, the file has 8",
    ],
    [
      "an array of too many bytes",
      numpyArray([3], "f4", 16),
      "F32 of shape [3] takes 12 bytes, the file has 16",
    ],
    ["an array that is too large", numpyArray([2 ** 31 - 1, 2 ** 31 - 1], "f4", 4), "is too large"],
  ];
  test.each(cases)("%s", async (_, file, message) => {
    expect(await failure(loadPickle(file))).toContain(message);
  });

  function numpyArray(shape: number[], type: string, size: number): Uint8Array<ArrayBuffer> {
    const dtype = call(global("numpy", "dtype"), text(type));
    const data = [0x42, little(size, 4), new Uint8Array(size)];
    return pickle(
      call(global("numpy.core.multiarray", "_reconstruct")),
      tuple(int(1), tuple(...shape.map(int)), dtype, 0x89, data),
      "b",
    );
  }
});

describe("tensors that extend beyond their storage", () => {
  const open = async (object: Parameters<typeof dict>[0][string], data = floats(1, 2, 3, 4)) =>
    openCheckpoint(await torchZip(dict({ "layer.weight": object }), [data]), { name: "m.pt" });
  const cases: [string, Parameters<typeof dict>[0][string], string][] = [
    [
      "shape",
      tensor({ count: 4, shape: [5], strides: [1] }),
      "layer.weight: shape [5] with strides [1] from element 0 needs 5 elements, the storage has 4",
    ],
    ["offset", tensor({ count: 4, shape: [2], strides: [1], offset: 3 }), "needs 5 elements"],
    ["strides", tensor({ count: 4, shape: [2, 2], strides: [3, 1] }), "needs 5 elements"],
    ["a negative stride", tensor({ count: 4, shape: [2], strides: [-1] }), "do not fit the shape"],
    ["a negative offset", tensor({ count: 4, shape: [2], strides: [1], offset: -1 }), "do not fit the shape"],
    ["a negative shape", tensor({ count: 4, shape: [-2], strides: [1] }), "[-2] is not a shape"],
    ["too few strides", tensor({ count: 4, shape: [2, 2], strides: [1] }), "do not fit the shape"],
    [
      "2^62 elements",
      tensor({ count: 4, shape: [2 ** 31 - 1, 2 ** 31 - 1], strides: [0, 0] }),
      "is too large",
    ],
    [
      "2^50 elements from one",
      tensor({ count: 4, shape: [2 ** 25, 2 ** 25], strides: [0, 0] }),
      "expands a storage of 4 elements to more than 268435456",
    ],
    [
      "too many axes",
      tensor({ count: 4, shape: new Array(65).fill(1), strides: new Array(65).fill(1) }),
      "expected a short tuple of integers",
    ],
    [
      "a storage with a wrong size",
      tensor({ count: 2 ** 30, shape: [1], strides: [1] }),
      "storage 0 of 4294967296 bytes, the archive has 16",
    ],
    [
      "a missing storage",
      tensor({ key: "9", count: 4, shape: [1], strides: [1] }),
      "storage 9 of 16 bytes, the archive has none",
    ],
    [
      "a storage outside the archive",
      tensor({ key: "../data.pkl", count: 4, shape: [1], strides: [1] }),
      "the archive has none",
    ],
    ["a negative storage", tensor({ count: -1, shape: [0], strides: [1] }), "a FloatStorage of -4 bytes"],
    [
      "no storage at all",
      call(global("torch._utils", "_rebuild_tensor_v2"), int(1)),
      "layer.weight: a tensor without a storage",
    ],
    [
      "a strange storage type",
      [tuple(text("storage"), global("collections", "OrderedDict"), text("0"), text("cpu"), int(4)), "Q"],
      "collections.OrderedDict is not a storage type",
    ],
  ];
  test.each(cases)("%s", async (_, object, message) => {
    const error = await bounded(() => failure(open(object)));
    expect(error).toContain("m.pt: ");
    expect(error).toContain(message);
  });

  test("modifying a list after its use as a shape does not change the tensor", async () => {
    // The shape is memo entry 1; 5 is appended to it afterwards.
    const list = ["](", int(2), "e", "q", 1];
    const rebuilt = call(
      global("torch._utils", "_rebuild_tensor_v2"),
      storage("FloatStorage", "0", 4),
      int(0),
      list,
      tuple(int(1)),
      0x89,
      "N",
    );
    const grow = ["h", 1, int(5), "a0"];
    const file = await torchZip(["}(", text("w"), rebuilt, grow, "u"], [floats(1, 2, 3, 4)]);
    const checkpoint = await openCheckpoint(file);
    expect([...checkpoint.get("w").shape]).toEqual([2]);
    expect(await checkpoint.get("w").read()).toEqual(new Float32Array([1, 2]));
  });
});

describe("bombs", () => {
  const repeated: [string, number, number, string][] = [
    ["marks", 0x28, 3_000_000, "the stack is empty"],
    ["lists", 0x5d, 3_000_000, "more than 2097152 objects"],
    ["memory of one object", 0x94, 3_000_000, "more than 2097152 memoized objects"],
    ["constants", 0x4e, 2 ** 24 + 10, "more than 16777216 opcodes"],
  ];
  test.each(repeated)("millions of %s", async (_, opcode, count, message) => {
    const file = pickle("N", new Uint8Array(count).fill(opcode));
    expect(await bounded(() => failure(loadPickle(file)))).toContain(message);
  });

  test("lists nested a million deep", async () => {
    const file = pickle("]", new Uint8Array(1_000_000).fill(0x85));
    expect(await bounded(() => failure(openCheckpoint(file)))).toContain(
      "The file has not a dict but a list",
    );
  });

  test("shared lists that are practically infinite when walked", async () => {
    // Each level contains the next one twice: 2^200 leaves.
    const level = (below: number) => ["]", "q", below + 1, "(", "h", below, "h", below, "e"];
    const levels = Array.from({ length: 200 }, (_, i) => level(i));
    const object = ["]", "q", 0, levels];
    const { value } = await bounded(() => loadPickle(pickle(object)));
    expect(Array.isArray(value)).toBe(true);
    // As arguments that are converted to strings.
    for (const callee of [global("torch", "device"), global("numpy", "dtype"), global("torch", "Size")])
      await bounded(() => loadPickle(pickle(call(callee, object))).catch(() => {}));
    expect(await bounded(() => failure(openCheckpoint(pickle(dict({ a: object })))))).toContain("a (a list)");
    const encoded = pickle(call(global("_codecs", "encode"), text("x"), object));
    expect(await bounded(() => failure(loadPickle(encoded)))).toContain("expected a string");
  });

  test("a shared list in place of the version of a legacy file", async () => {
    const level = (below: number) => ["]", "q", below + 1, "(", "h", below, "h", below, "e"];
    const levels = Array.from({ length: 200 }, (_, i) => level(i));
    const file = bytes(LEGACY_MAGIC, pickle(["]", "q", 0, levels]));
    expect(await bounded(() => failure(openCheckpoint(file)))).toContain("of protocol 1001, got unknown");
  });

  test("one string, converted to bytes a hundred thousand times", async () => {
    const encode = [global("_codecs", "encode"), "q", 0, "0", text("x".repeat(100_000)), "q", 1, "0"];
    const once = ["h", 0, "h", 1, 0x85, "R0"];
    const file = pickle(
      encode,
      Array.from({ length: 100_000 }, () => once),
      "N",
    );
    expect(await bounded(() => failure(loadPickle(file)))).toContain("it copies the same data repeatedly");
  });

  test("a list copied into sets repeatedly", async () => {
    const list = [
      "](",
      Array.from({ length: 50_000 }, (_, i) => int(i)),
      "e",
      "q",
      1,
      "0",
      global("builtins", "set"),
      "q",
      0,
      "0",
    ];
    const file = pickle(
      list,
      Array.from({ length: 50_000 }, () => ["h", 0, "h", 1, 0x85, "R0"]),
      "N",
    );
    expect(await bounded(() => failure(loadPickle(file)))).toContain("it copies the same data repeatedly");
  });

  test("zip entries that claim to decompress to too much", async () => {
    const packed = await torchZip(
      dict({ w: tensor({ count: 4, shape: [4], strides: [1] }) }),
      [new Uint8Array(16)],
      {},
      { level: 9 },
    );
    // Set the size of data.pkl or of a storage, in its directory entry, to four billion.
    for (const name of ["archive/data.pkl", "archive/data/0"]) {
      const file = packed.slice();
      const entry = directoryEntry(file, name);
      new DataView(file.buffer).setUint32(entry + 24, 0xffff_fff0, true);
      const read = async (): Promise<unknown> => (await openCheckpoint(file)).get("w").read();
      expect(await bounded(() => failure(read()))).toMatch(
        /claims to decompress from \d+ to 4294967280 bytes/,
      );
    }
  });

  test("a valid zip bomb is decompressed only as far as it is read", async () => {
    const zeros = new Uint8Array(40_000_000);
    const object = dict({ w: tensor({ count: 10_000_000, shape: [10_000, 1000], strides: [1000, 1] }) });
    const file = await torchZip(object, [zeros], {}, { level: 9 });
    expect(file.length).toBeLessThan(1_000_000);
    const row = await bounded(async () => (await openCheckpoint(file)).get("w").readRange(10, 11));
    expect(row).toEqual(new Float32Array(1000));
  });
});

/** Offset of an entry in the directory of an archive. */
function directoryEntry(file: Uint8Array, name: string): number {
  for (let i = 0; i < file.length - 46; i++) {
    const isEntry = file[i] === 0x50 && file[i + 1] === 0x4b && file[i + 2] === 1 && file[i + 3] === 2;
    if (isEntry && new TextDecoder().decode(file.subarray(i + 46, i + 46 + name.length)) === name) return i;
  }
  throw new Error(`no directory entry ${name}`);
}

describe("inconsistent zip archives", () => {
  const object = dict({ w: tensor({ count: 4, shape: [4], strides: [1] }) });
  const edited = async (edit: (view: DataView, entry: number) => void): Promise<() => Promise<unknown>> => {
    const file = await torchZip(object, [floats(1, 2, 3, 4)]);
    edit(new DataView(file.buffer), directoryEntry(file, "archive/data/0"));
    return async () => (await openCheckpoint(file, { name: "m.pt" })).get("w").read();
  };
  const cases: [string, (view: DataView, entry: number) => void, RegExp][] = [
    [
      "a larger size than stored",
      (view, at) => view.setUint32(at + 24, 1000, true),
      /claims 1000 bytes, but stores 16/,
    ],
    [
      "a smaller size than stored",
      (view, at) => view.setUint32(at + 24, 8, true),
      /storage 0 of 16 bytes, the archive has 8/,
    ],
    [
      "sizes beyond the file",
      (view, at) => [20, 24].forEach((field) => view.setUint32(at + field, 0x7fff_0000, true)),
      /archive\/data\/0 ends beyond the archive/,
    ],
    [
      "an offset beyond the file",
      (view, at) => view.setUint32(at + 42, 0x7fff_0000, true),
      /archive\/data\/0 ends beyond the archive/,
    ],
    [
      "an offset without an entry",
      (view, at) => view.setUint32(at + 42, 3, true),
      /no entry at the offset in the directory/,
    ],
    [
      "an unknown method",
      (view, at) => view.setUint16(at + 10, 99, true),
      /unsupported compression method 99/,
    ],
    ["encryption", (view, at) => view.setUint16(at + 8, 1, true), /encrypted/],
  ];
  test.each(cases)("%s", async (_, edit, message) => {
    const read = await edited(edit);
    expect(await bounded(() => failure(read()))).toMatch(message);
  });

  test("duplicate entries", async () => {
    const file = await zip({ "a.npy": new Uint8Array(1), "b.npy": new Uint8Array(1) });
    for (let i = 0; i < file.length; i++) if (file[i] === 0x62 && file[i + 1] === 0x2e) file[i] = 0x61;
    expect(await failure(openCheckpoint(file))).toContain("duplicate entries a.npy");
  });

  test("corrupt deflated bytes", async () => {
    const file = await torchZip(
      object,
      [floats(...Array.from({ length: 500 }, (_, i) => i))],
      {},
      { level: 9 },
    );
    const entry = directoryEntry(file, "archive/data/0");
    const local = new DataView(file.buffer).getUint32(entry + 42, true);
    file[local + 100] = (file[local + 100] as number) ^ 0x55;
    expect(await failure((await openCheckpoint(file)).get("w").readBytes())).toMatch(
      /^w: memory: archive\/data\/0: /,
    );
  });
});

describe("inconsistent legacy PyTorch files", () => {
  const legacy = (
    count: number,
    object: Parameters<typeof dict>[0][string],
    keys = ["0"],
    data = floats(1, 2),
  ) =>
    bytes(
      LEGACY_MAGIC,
      pickle("M", little(1001, 2)),
      pickle("}"),
      pickle(dict({ w: object })),
      pickle("](", keys.map(text), "e"),
      little(count, 8),
      data,
    );
  const legacyTensor = (count: number, shape: number[], view: Parameters<typeof dict>[0][string] = "N") =>
    call(
      global("torch._utils", "_rebuild_tensor"),
      [
        tuple(text("storage"), global("torch", "FloatStorage"), text("0"), text("cuda:0"), int(count), view),
        "Q",
      ],
      int(0),
      tuple(...shape.map(int)),
      tuple(...shape.map(() => int(1))),
    );

  test("a consistent one opens", async () => {
    const checkpoint = await openCheckpoint(legacy(2, legacyTensor(2, [2])));
    expect(await checkpoint.get("w").read()).toEqual(new Float32Array([1, 2]));
    const view = tuple(text("v"), int(1), int(1));
    const inner = await openCheckpoint(legacy(2, legacyTensor(2, [1], view)));
    expect(await inner.get("w").read()).toEqual(new Float32Array([2]));
  });

  const cases: [string, Uint8Array<ArrayBuffer>, string][] = [
    [
      "a wrong count before the storage",
      legacy(3, legacyTensor(2, [2])),
      "storage 0 has 3 elements in the file, but 2 in the pickle",
    ],
    [
      "a storage beyond the file",
      legacy(2, legacyTensor(2 ** 30, [2])),
      "truncated: the storages end at byte",
    ],
    ["an unused storage", legacy(2, legacyTensor(2, [2]), ["0", "1"]), "storage 1 is not used by any tensor"],
    ["an unlisted storage", legacy(2, legacyTensor(2, [2]), []), "storage 0 is not in the file"],
    [
      "a view beyond its storage",
      legacy(2, legacyTensor(2, [1], tuple(text("v"), int(1), int(2)))),
      "a view beyond the storage 0",
    ],
    ["no storages", legacy(2, legacyTensor(2, [2])).slice(0, -8), "truncated: the storages end"],
    [
      "another protocol",
      bytes(LEGACY_MAGIC, pickle(int(7))),
      "expected a PyTorch file of protocol 1001, got 7",
    ],
  ];
  test.each(cases)("%s", async (_, file, message) => {
    const read = async (): Promise<unknown> => (await openCheckpoint(file, { name: "m.th" })).get("w").read();
    expect(await failure(read())).toContain(message);
  });
});

describe("real files, truncated and corrupted", () => {
  const files = readdirSync(fixture(".")).filter((name) => name !== "expected.json");
  /** Opens and reads everything; any failure must be a CheckpointError. */
  const readAll = async (content: Uint8Array, name: string): Promise<"read" | "refused"> => {
    try {
      const checkpoint = await openCheckpoint(content, { name });
      for (const key of checkpoint.names()) {
        const stored = checkpoint.get(key);
        if (stored.size < 2 ** 20) await stored.readBytes();
      }
      return "read";
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      return "refused";
    }
  };

  test.each(files.filter((name) => !/objects|namespace/.test(name)))(
    "%s: truncated anywhere, refused",
    async (name) => {
      const content = readFileSync(fixture(name));
      expect(await readAll(content, name)).toBe("read");
      const step = Math.ceil(content.length / 250);
      for (let length = 0; length < content.length; length += step)
        expect(await readAll(content.subarray(0, length), name), `${length} bytes`).toBe("refused");
      expect(await readAll(content.subarray(0, -1), name)).toBe("refused");
    },
  );

  test.each(files)("%s: any bytes changed, either read or refused", async (name) => {
    const content = readFileSync(fixture(name));
    const change = fc.record({ at: fc.nat(content.length - 1), value: fc.nat(255) });
    const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const copy = Uint8Array.from(content);
      for (const { at, value } of changes) copy[at] = value;
      await readAll(copy, name);
    });
    await bounded(() => fc.assert(property, { numRuns: 200 }));
  });
});
