/** Zip archives of every legal shape, record by record. */
import { crc32, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openCheckpoint } from "../../src/files/index.ts";
import { memorySource } from "../../src/files/sources/source.ts";
import { openZip } from "../../src/files/sources/zip.ts";
import { bytes, countingSource, dict, floats, little, pickle, tensor } from "./support/bytes.ts";

interface Entry {
  readonly name: Uint8Array;
  readonly content: Uint8Array;
  readonly deflated?: boolean;
  readonly comment?: Uint8Array;
  /** Put sizes and offset into a zip64 extra field. */
  readonly wide?: boolean;
}

interface Shape {
  readonly comment?: Uint8Array;
  /** No zip64 record; a redundant one; or one that the end record defers to. */
  readonly zip64?: "none" | "spare" | "needed";
  /** Bytes prepended to the archive, not reflected in its offsets. */
  readonly before?: Uint8Array;
  /** Bytes between the directory and the records at the end, such as a signature. */
  readonly between?: Uint8Array;
  readonly after?: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const ascii = (text: string) => new TextEncoder().encode(text);

function archive(entries: readonly Entry[], shape: Shape = {}): Uint8Array<ArrayBuffer> {
  const { comment = NOTHING, zip64 = "none", before = NOTHING, between = NOTHING, after = NOTHING } = shape;
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, content, deflated = false, comment: own = NOTHING, wide = false } of entries) {
    const packed = deflated ? deflateRawSync(content) : content;
    const size = (value: number) => little(wide ? 0xffff_ffff : value, 4);
    const common = [
      [little(deflated ? 8 : 0, 2), little(0, 2), little(0x21, 2), little(crc32(content), 4)],
      [size(packed.length), size(content.length), little(name.length, 2)],
    ];
    const sizes = [little(content.length, 8), little(packed.length, 8)];
    const localExtra = wide ? [little(1, 2), little(16, 2), sizes] : [];
    const local = bytes(
      "PK\x03\x04",
      little(45, 2),
      little(0, 2),
      common,
      little(wide ? 20 : 0, 2),
      name,
      localExtra,
      packed,
    );
    // Another extra field precedes the zip64 one.
    const extra = [
      little(0x5455, 2),
      little(1, 2),
      [7],
      wide ? [little(1, 2), little(24, 2), sizes, little(offset, 8)] : [],
    ];
    const lengths = [little(wide ? 33 : 5, 2), little(own.length, 2)];
    const attributes = [little(0, 2), little(0, 2), little(0, 4), size(offset)];
    directory.push(
      bytes(
        "PK\x01\x02",
        little(45, 2),
        little(45, 2),
        little(0, 2),
        common,
        lengths,
        attributes,
        name,
        extra,
        own,
      ),
    );
    locals.push(local);
    offset += local.length;
  }
  const listed = bytes(...directory);
  const record = bytes(
    ["PK\x06\x06", little(44, 8), little(45, 2), little(45, 2), little(0, 4), little(0, 4)],
    [little(entries.length, 8), little(entries.length, 8), little(listed.length, 8), little(offset, 8)],
    ["PK\x06\x07", little(0, 4), little(offset + listed.length + between.length, 8), little(1, 4)],
  );
  const plain = (value: number, size: 2 | 4) =>
    little(zip64 === "needed" ? 2 ** (8 * size) - 1 : value, size);
  const end = bytes(
    ["PK\x05\x06", little(0, 2), little(0, 2), plain(entries.length, 2), plain(entries.length, 2)],
    [plain(listed.length, 4), plain(offset, 4), little(comment.length, 2), comment],
  );
  return bytes(before, ...locals, listed, between, zip64 === "none" ? [] : record, end, after);
}

async function contents(file: Uint8Array): Promise<Map<string, Uint8Array>> {
  const entries = await openZip(memorySource(file));
  const read = new Map<string, Uint8Array>();
  for (const [name, entry] of entries) read.set(name, await entry.read(0, entry.size));
  return read;
}

const ZIP64 = ["none", "spare", "needed"] as const;

describe("a first entry as long as the records at the end", () => {
  test.each(ZIP64)("names of every length, zip64: %s", async (zip64) => {
    for (let length = 1; length <= 130; length++) {
      const names = ["n".repeat(length), "data", "version"];
      const file = archive(
        names.map((name) => ({ name: ascii(name), content: ascii(name) })),
        { zip64 },
      );
      expect([...(await contents(file)).keys()], `${length}`).toEqual(names);
    }
  });

  test.each([20, 21, 22, 25, 30, 45])("a PyTorch file with a stem of %i characters", async (length) => {
    const stem = "checkpoint_epoch_0010".padEnd(length, "x").slice(0, length);
    const object = dict({ w: tensor({ count: 3, shape: [3], strides: [1] }) });
    const files = {
      "data.pkl": pickle(object),
      byteorder: ascii("little"),
      "data/0": floats(1, 2, 3),
      version: ascii("3\n"),
    };
    const entries = Object.entries(files).map(([name, content]) => ({
      name: ascii(`${stem}/${name}`),
      content,
    }));
    const checkpoint = await openCheckpoint(archive(entries, { zip64: "spare" }));
    expect(await checkpoint.get("w").read()).toEqual(new Float32Array([1, 2, 3]));
  });
});

describe("all legal archives", () => {
  const blob = fc.uint8Array({ maxLength: 300 });
  // Comments that contain record signatures.
  const signature = fc.constantFrom("PK\x05\x06", "PK\x06\x07", "PK\x06\x06", "PK\x01\x02", "PK\x03\x04");
  const comment = fc
    .array(
      fc.oneof(
        signature.map((text) => bytes(text)),
        fc.uint8Array({ maxLength: 40 }),
      ),
      { maxLength: 6 },
    )
    .map((parts) => bytes(...parts));
  const name = fc
    .string({ minLength: 1, maxLength: 90, unit: "grapheme" })
    .filter((text) => !text.endsWith("/"));
  const entry = fc.record({
    name,
    content: blob,
    deflated: fc.boolean(),
    comment,
    wide: fc.boolean(),
  });
  const entries = fc.uniqueArray(entry, { maxLength: 8, selector: ({ name }) => name });
  const shape = fc.record({
    comment,
    zip64: fc.constantFrom(...ZIP64),
    before: fc.oneof(fc.constant(NOTHING), blob),
    after: fc.oneof(fc.constant(NOTHING), fc.constant(new Uint8Array(512))),
  });

  test("all entries are read, with their names and bytes", async () => {
    const property = fc.asyncProperty(entries, shape, async (list, around) => {
      const file = archive(
        list.map((item) => ({ ...item, name: ascii(item.name) })),
        around,
      );
      expect(await contents(file)).toEqual(new Map(list.map(({ name, content }) => [name, content])));
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test("records between the directory and the end", async () => {
    const property = fc.asyncProperty(entries, fc.constantFrom(...ZIP64), blob, async (list, zip64, data) => {
      fc.pre(list.length > 0);
      const between = bytes("PK\x05\x05", little(data.length, 2), data);
      const file = archive(
        list.map((item) => ({ ...item, name: ascii(item.name) })),
        { zip64, between },
      );
      expect([...(await contents(file)).keys()]).toEqual(list.map(({ name }) => name));
    });
    await fc.assert(property, { numRuns: 100 });
  });

  test("another archive as the comment, or before it", async () => {
    const inner = archive([{ name: ascii("inner"), content: ascii("other") }]);
    const empty = archive([]);
    const outer = [{ name: ascii("outer"), content: ascii("mine!") }];
    const want = new Map([["outer", ascii("mine!")]]);
    expect(await contents(archive(outer, { comment: empty }))).toEqual(want);
    expect(await contents(archive(outer, { before: inner }))).toEqual(want);
    expect(await contents(archive(outer, { before: empty, zip64: "needed" }))).toEqual(want);
    expect(await contents(empty)).toEqual(new Map());
  });

  test("a comment of maximum length", async () => {
    const comment = new Uint8Array(65535).fill(0x50);
    expect((await contents(archive([{ name: ascii("a"), content: floats(1) }], { comment }))).size).toBe(1);
  });

  test("more entries than fit in 16 bits", async () => {
    const list = Array.from({ length: 66_000 }, (_, i) => ({ name: ascii(String(i)), content: NOTHING }));
    for (const zip64 of ["none", "needed"] as const)
      expect((await openZip(memorySource(archive(list, { zip64 })))).size).toBe(66_000);
  });

  test("folders are skipped; names are UTF-8 or code page 437", async () => {
    const names = [ascii("folder/"), ascii("poids/é"), Uint8Array.of(0x81, 0x2e, 0xe1)];
    const file = archive(names.map((name) => ({ name, content: NOTHING })));
    expect([...(await contents(file)).keys()]).toEqual(["poids/é", "ü.ß"]);
  });
});

test("opening reads only the end and the directory", async () => {
  const content = new Uint8Array(1_000_000);
  const list = ["a", "b", "c"].map((name) => ({ name: ascii(name), content }));
  const source = countingSource(archive(list, { zip64: "needed" }));
  const entry = (await openZip(source)).get("b");
  expect(source.bytesRead).toBeLessThan(70_000);
  const before = source.bytesRead;
  expect(await entry?.read(500_000, 100)).toEqual(content.subarray(0, 100));
  expect(source.bytesRead - before).toBeLessThan(200);
});

describe("incomplete archives", () => {
  const file = archive(
    ["a", "b"].map((name) => ({ name: ascii(name), content: floats(1, 2, 3) })),
    { zip64: "spare" },
  );

  test("truncated anywhere, it is refused", async () => {
    for (let length = 0; length < file.length; length++)
      await expect(openZip(memorySource(file.subarray(0, length))), `${length}`).rejects.toThrow(
        "damaged zip archive",
      );
  });

  test("a part of a multi-part archive, and a wrong count", async () => {
    const edited = (field: number, value: number) => {
      const plain = archive([{ name: ascii("a"), content: floats(1, 2, 3) }]);
      new DataView(plain.buffer).setUint16(plain.length - 22 + field, value, true);
      return openZip(memorySource(plain));
    };
    await expect(edited(4, 2)).rejects.toThrow("part 3 of a multi-part archive");
    await expect(edited(10, 3)).rejects.toThrow("entries in the directory: expected 3, got 1");
  });
});
