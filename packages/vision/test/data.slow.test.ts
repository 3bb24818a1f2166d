import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createGunzip, gunzipSync, gzipSync } from "node:zlib";
import { dataCachePath, getDataset, Meter, type Progress, sharedFile } from "@tessera-ml/hub";
import { encodeImage, Image } from "@tessera-ml/media";
import { extract, pack } from "tar-stream";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { bytes, failure, sha256 } from "../../hub/test/scratch.ts";
import { file } from "../../hub/test/server.ts";
import { testHub } from "../../hub/test/test-hub.ts";
import { readCifar, readFloats, readIdx, readUspsText } from "../src/data/formats.ts";
import {
  datasetRecords,
  findDataset,
  listDatasets,
  loadDataset,
  loadPhotographs,
} from "../src/data/index.ts";
import { unpackedOnce } from "../src/data/once.ts";
import { unpackCifarArchive, unpackCifarJpeg } from "../src/data/unpack.ts";

const hub = testHub();
const { server } = hub;
const withoutShared = () => vi.stubEnv("TESSERA_SHARED", join(hub.cache, "none"));
const histogram = (labels: Uint8Array) => {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
};

/** A .tar.gz of these files. */
async function archive(path: string, files: Iterable<readonly [string, Uint8Array]>): Promise<void> {
  const tar = pack();
  for (const [name, content] of files) tar.entry({ name }, Buffer.from(content));
  tar.finalize();
  await writeFile(path, gzipSync(await buffer(Readable.from(tar)), { level: 1 }));
}

describe("formats", () => {
  it("IDX", () => {
    const idx = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);
    expect([...readIdx(idx, [2, 1, 3], "x")]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(() => readIdx(idx, [2, 3, 1], "a.idx")).toThrow("a.idx: expected [2, 3, 1], got [2, 1, 3]");
    expect(() => readIdx(idx, [6], "a.idx")).toThrow("a.idx: expected [6], got [2, 1, 3]");
    expect(() => readIdx(idx.slice(0, -1), [2, 1, 3], "a.idx")).toThrow("a.idx: expected 6 values, got 5");
    expect(() => readIdx(idx.slice(0, 6), [2, 1, 3], "a.idx")).toThrow("not an IDX file");
    idx[2] = 13; // floats
    expect(() => readIdx(idx, [2, 1, 3], "a.idx")).toThrow("not an IDX file of bytes");
  });

  it("the zip codes as text", () => {
    const row = (label: string, first: number) =>
      `${label} ${[first, ...new Array<number>(255).fill(-1)].join(" ")} \n`;
    const { images, labels } = readUspsText(row("6.0000", 0.5) + row("3.0000", 1), 2, "zip");
    expect([...labels]).toEqual([6, 3]);
    expect([images[0], images[1], images[256]]).toEqual([0.75, 0, 1]);
    expect(() => readUspsText(row("6", 0), 2, "zip")).toThrow("zip: expected 2 lines, got 1");
    expect(() => readUspsText(row("11", 0), 1, "zip")).toThrow("zip: line 1: the label is not a digit");
    expect(() => readUspsText(row("1", 1.5), 1, "zip")).toThrow("zip: line 1: a value is not in -1 to 1");
    expect(() => readUspsText("1 2 3", 1, "zip")).toThrow("line 1: expected a label and 256 values, got 2");
  });

  it("floats", () => {
    const floats = new Uint8Array(Float32Array.of(0, 0.5, 1).buffer);
    expect([...readFloats(floats, 3, "x")]).toEqual([0, 0.5, 1]);
    expect(() => readFloats(floats, 4, "x")).toThrow("x: expected 16 bytes, got 12");
    expect(() => readFloats(new Uint8Array(Float32Array.of(2).buffer), 1, "x")).toThrow("not in 0 to 1");
  });

  it("CIFAR records", () => {
    const raw = bytes(2 * 3073);
    raw[0] = 3;
    raw[3073] = 9;
    const { images, labels } = readCifar(raw, 2, "x");
    expect([...labels]).toEqual([3, 9]);
    expect([images[0], images[3071], images[3072]]).toEqual([raw[1], raw[3072], raw[3074]]);
    expect(() => readCifar(raw, 3, "x")).toThrow("x: expected 3 records of 3073 bytes, got 6146 bytes");
    raw[3073] = 10;
    expect(() => readCifar(raw, 2, "x")).toThrow("x: label 1: expected 0 to 9, got 10");
  });

  it("CIFAR-10's archive", async () => {
    const path = join(hub.cache, "c.tar.gz");
    const names = [
      "data_batch_2",
      "data_batch_1",
      "data_batch_3",
      "data_batch_4",
      "data_batch_5",
      "test_batch",
    ];
    const batches = new Map(names.map((name, i) => [name, new Uint8Array(10_000 * 3073).fill(i)]));
    const files = names.map((name) => [`cifar-10-batches-bin/${name}.bin`, batches.get(name)!] as const);
    await archive(path, [["cifar-10-batches-bin/readme.html", bytes(10)], ...files]);
    const { train, test } = await unpackCifarArchive(path, undefined);
    expect([train.length, test.length]).toEqual([50_000 * 3073, 10_000 * 3073]);
    // In the order of the numbers, not of the archive.
    expect([0, 10_000, 20_000, 30_000, 40_000].map((i) => train[i * 3073])).toEqual([1, 0, 2, 3, 4]);
    expect(test[0]).toBe(5);
    await archive(path, files.slice(1, 2));
    const error = await failure(unpackCifarArchive(path, undefined), "bad-data");
    expect(error.message).toBe(`${path}: expected data_batch_2.bin with 10,000 records, got no bytes`);
    await writeFile(path, (await readFile(path)).subarray(0, 30_000));
    expect((await failure(unpackCifarArchive(path, undefined), "bad-data")).message).toContain(
      "not a complete .tar.gz",
    );
  });

  it("folders of JPEG files", async () => {
    const path = join(hub.cache, "j.tar.gz");
    const jpeg = (red: number, side = 32) => {
      const picture = new Image(side, side, 3);
      for (let i = 0; i < picture.data.length; i += 3) picture.data[i] = red;
      return encodeImage(picture, "jpeg", { quality: 95 });
    };
    const counts = { train: 4, test: 2 };
    const read = (p: string) =>
      unpackCifarJpeg(p, ["cat", "dog"], counts, new Meter("j", undefined), undefined);
    const all: (readonly [string, Uint8Array])[] = [
      ["train/dog/0001.jpg", await jpeg(250)],
      ["train/dog/0000.jpg", await jpeg(200)],
      ["test/cat/0000.jpg", await jpeg(10)],
      ["test/dog/0000.jpg", await jpeg(60)],
      ["train/cat/0000.jpg", await jpeg(100)],
      ["train/cat/0001.jpg", await jpeg(150)],
    ];
    await archive(path, all);
    const { train, test } = await read(path);
    expect([0, 1, 2, 3].map((i) => train[i * 3073])).toEqual([0, 0, 1, 1]);
    // Red plane, then green, then blue.
    for (const [i, red] of [100, 150, 200, 250].entries()) {
      expect(Math.abs(train[i * 3073 + 1]! - red)).toBeLessThan(4);
      expect(Math.abs(train[i * 3073 + 1024]! - red)).toBeLessThan(4);
      expect(train[i * 3073 + 1 + 1024]).toBeLessThan(4);
    }
    expect(Math.abs(test[1]! - 10)).toBeLessThan(4);
    await archive(path, all.slice(1));
    expect((await failure(read(path), "bad-data")).message).toContain("expected 4 images in train, got 3");
    await archive(path, [...all.slice(1), ["train/dog/0002.jpg", all[0]![1]]]);
    expect((await failure(read(path), "bad-data")).message).toContain(
      "dog/0002.jpg: not part of this data set",
    );
    await archive(path, [...all.slice(1), ["train/dog/0001.jpg", await jpeg(1, 16)]]);
    expect((await failure(read(path), "bad-data")).message).toContain("expected 32x32 pixels, got 16x16");
  });
});

describe("the registry", () => {
  it("is well formed", () => {
    for (const record of datasetRecords()) {
      expect(findDataset(record.name)).toBe(record);
      for (const known of record.forms.flatMap((form) => form.files)) {
        expect(known.urls.length > 0 || known.shared !== undefined, known.file).toBe(true);
        for (const url of known.urls)
          expect(new URL(url).pathname.endsWith(`/${known.file}`), url).toBe(true);
        if (known.sha256) expect(known.sha256).toMatch(/^[0-9a-f]{64}$/);
      }
    }
    expect(() => findDataset("fashion_mnits")).toThrow("Did you mean fashion-mnist");
  });

  it("lists what is on this machine", async () => {
    withoutShared();
    const states = await listDatasets();
    expect(states.map((state) => state.place)).toEqual(states.map(() => "absent"));
    expect(states.find(({ record }) => record.name === "cifar10")!.size).toBe(170_052_171);
  });

  it("types the arrays", () => {
    expectTypeOf(loadDataset<"mnist">)
      .returns.resolves.toHaveProperty("images")
      .toEqualTypeOf<Uint8Array<ArrayBuffer>>();
    expectTypeOf(loadDataset<"usps">)
      .returns.resolves.toHaveProperty("images")
      .toEqualTypeOf<Float32Array<ArrayBuffer>>();
  });
});

describe("getting and loading", () => {
  it("says how to get an absent data set", async () => {
    withoutShared();
    const error = await failure(loadDataset("mnist"), "absent");
    expect(error.message).toBe(
      "mnist is not on this machine. `tessera data get mnist` downloads it (11.1 MiB).",
    );
    vi.stubEnv("TESSERA_OFFLINE", "1");
    const offline = await failure(loadDataset("mnist"), "absent");
    expect(offline.message).toContain(
      "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
    );
    expect(offline.message).toContain("It has 4 files");
    const nowhere = await failure(getDataset(findDataset("cifar10-jpeg")), "absent");
    expect(nowhere.message).toContain("not published in this form");
    expect(nowhere.message).toContain(join(hub.cache, "data", "cifar10-jpeg", "cifar10_jpeg_60000.tar.gz"));
    await failure(loadDataset("cifar11"), "unknown-name");
    const wrongSplit = await failure(loadDataset("cifar10-sample", { split: "test" }), "unknown-name");
    expect(wrongSplit.message).toBe("cifar10-sample has no split test; expected train");
    await failure(getDataset(findDataset("cifar10-sample"), { split: "test" }), "unknown-name");
    await failure(loadDataset("imagenet-sample"), "bad-data");
  });

  it("fetches the zip codes and reads them", async () => {
    withoutShared();
    const grey = Array.from({ length: 256 }, (_, value) => (value / 127.5 - 1).toFixed(3));
    const text = (count: number, seed: number) => {
      const values = bytes(count * 257, seed);
      const row = (i: number) => {
        const pixels = values.subarray(i * 257, i * 257 + 256);
        return `${(values[i * 257 + 256]! % 10).toFixed(4)} ${Array.from(pixels, (v) => grey[v]).join(" ")}`;
      };
      return gzipSync(Array.from({ length: count }, (_, i) => row(i)).join("\n"), { level: 1 });
    };
    server.on("/ElemStatLearn/datasets/zip.train.gz", file(text(7_291, 1)));
    server.on("/ElemStatLearn/datasets/zip.test.gz", file(text(2_007, 2)));
    expect(await getDataset(findDataset("usps"), { split: "test" })).toMatchObject({ fetched: 1 });
    expect(await getDataset(findDataset("usps"))).toMatchObject({ fetched: 1 });
    const test = await loadDataset("usps", { split: "test" });
    expect(test.shape).toEqual([2_007, 1, 16, 16]);
    const raw = bytes(257, 2);
    expect(test.images[0]).toBeCloseTo(raw[0]! / 255, 3);
    expect(test.labels[0]).toBe(raw[256]! % 10);
    expect((await loadDataset("usps")).labels).toHaveLength(7_291);
    expect(await getDataset(findDataset("usps"))).toMatchObject({ fetched: 0 });
    const state = (await listDatasets()).find(({ record }) => record.name === "usps");
    expect(state!.place).toBe("cache");
  });

  it("rejects a file with other contents", async () => {
    withoutShared();
    const record = findDataset("mnist");
    await mkdir(join(hub.cache, "data", "mnist"), { recursive: true });
    const idx = (count: number, ...sides: number[]) => {
      const out = new Uint8Array(4 + 4 * (1 + sides.length) + sides.reduce((a, b) => a * b, count));
      out.set([0, 0, 8, 1 + sides.length]);
      for (const [i, side] of [count, ...sides].entries())
        new DataView(out.buffer).setUint32(4 + 4 * i, side);
      return gzipSync(out);
    };
    await writeFile(dataCachePath(record, "t10k-images-idx3-ubyte.gz"), idx(10_000, 28, 28));
    await writeFile(dataCachePath(record, "t10k-labels-idx1-ubyte.gz"), idx(10_000));
    const error = await failure(loadDataset("mnist", { split: "test" }), "checksum");
    expect(error.message).toContain("t10k-images-idx3-ubyte.gz: expected content with SHA-256 0fa7898d");
    await writeFile(dataCachePath(record, "t10k-images-idx3-ubyte.gz"), "not gzip");
    await failure(loadDataset("mnist", { split: "test" }), "bad-data");
  });
});

describe("unpacked archives", () => {
  const records = (count: number, seed: number) => new Uint8Array(bytes(count * 3073, seed));
  const all = { train: records(5, 1), test: records(2, 2) };
  const meter = new Meter("x", undefined);

  it("are unpacked only once by concurrent readers", async () => {
    const folder = join(hub.cache, "data", "x");
    const unpack = vi.fn(async () => all);
    const read = (split: "train" | "test") =>
      unpackedOnce(folder, split, all[split].length / 3073, unpack, meter, undefined);
    const [one, two, three] = await Promise.all([read("train"), read("test"), read("train")]);
    expect(unpack).toHaveBeenCalledTimes(1);
    expect([one, two, three].map(sha256)).toEqual([all.train, all.test, all.train].map(sha256));
    expect((await readdir(folder)).toSorted()).toEqual(["test.bin", "train.bin"]);
    await writeFile(join(folder, "train.bin"), "cut short");
    expect(sha256(await read("train"))).toBe(sha256(all.train));
    expect(unpack).toHaveBeenCalledTimes(2);
  });

  it("are read even if the cache is not writable", async () => {
    await writeFile(join(hub.cache, "data"), "in the way");
    const got = await unpackedOnce(
      join(hub.cache, "data", "x"),
      "test",
      2,
      async () => all,
      meter,
      undefined,
    );
    expect(got).toBe(all.test);
  });
});

const here = (path: string) => sharedFile(path) !== undefined;

describe("the real data", () => {
  it.runIf(here("image/mnist"))("MNIST (skipped if the shared data is absent)", async () => {
    const test = await loadDataset("mnist", { split: "test" });
    expect(test.shape).toEqual([10_000, 1, 28, 28]);
    expect([...test.labels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
    expect(await getDataset(findDataset("mnist"))).toMatchObject({ fetched: 0 });
    expect(server.requests).toHaveLength(0);
    expect(histogram(test.labels)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    const train = await loadDataset("mnist");
    expect([...train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect(histogram(train.labels)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    // The usual normalisation constants.
    let sum = 0;
    let squares = 0;
    for (const value of train.images) {
      sum += value / 255;
      squares += (value / 255) ** 2;
    }
    const mean = sum / train.images.length;
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(Math.sqrt(squares / train.images.length - mean ** 2)).toBeCloseTo(0.3081, 4);
  });

  it.runIf(here("image/usps"))("USPS (skipped if the shared data is absent)", async () => {
    const train = await loadDataset("usps");
    expect(train.shape).toEqual([7_291, 1, 16, 16]);
    expect([...train.labels.subarray(0, 8)]).toEqual([6, 5, 4, 7, 3, 6, 3, 1]);
    expect(histogram(train.labels)).toEqual([1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]);
    const test = await loadDataset("usps", { split: "test" });
    expect(histogram(test.labels)).toEqual([359, 264, 198, 166, 200, 160, 170, 147, 166, 177]);
    expect(test.images).toHaveLength(2_007 * 256);
  });

  it.runIf(here("image/cifar10"))(
    "CIFAR-10: the exact sample (skipped if the shared data is absent)",
    async () => {
      const sample = await loadDataset("cifar10-sample");
      expect(sample.shape).toEqual([4_000, 3, 32, 32]);
      expect([...sample.labels.subarray(0, 8)]).toEqual([6, 9, 9, 4, 1, 1, 2, 7]);
      expect(sample.classes[sample.labels[0]!]).toBe("frog");
      // The first pixel of the first training image: 59, 62, 63.
      expect([0, 1024, 2048].map((at) => sample.images[at])).toEqual([59, 62, 63]);
      const error = await failure(loadDataset("cifar10"), "absent");
      expect(error.message).toContain("Here is only cifar10-jpeg");
    },
  );

  it.runIf(here("image/cifar10"))(
    "CIFAR-10: each exact image has a lossy counterpart (skipped if the shared data is absent)",
    async () => {
      // Decoding all 60,000 takes a minute; the first 60 of each class and split suffice.
      const few = join(hub.cache, "few.tar.gz");
      const tar = pack();
      const all = createReadStream(sharedFile("image/cifar10/cifar10_jpeg_60000.tar.gz")!).pipe(
        createGunzip(),
      );
      for await (const entry of all.pipe(extract())) {
        const content = await buffer(entry);
        if (/\/00[0-5]\d\.jpg$/.test(entry.header.name)) tar.entry({ name: entry.header.name }, content);
      }
      tar.finalize();
      await writeFile(few, gzipSync(await buffer(tar)));
      const classes = (await loadDataset("cifar10-sample")).classes;
      const reports: Progress[] = [];
      const meter = new Meter("few", (p) => reports.push(p));
      const unpacked = await unpackCifarJpeg(few, classes, { train: 600, test: 600 }, meter, undefined);
      expect(reports.at(-1)).toMatchObject({ phase: "decoding", received: 1_200, total: 1_200 });
      const lossy = readCifar(unpacked.train, 600, "few");
      expect(histogram(lossy.labels)).toEqual(new Array<number>(10).fill(60));
      // Within a class, images keep their order.
      const exact = await loadDataset("cifar10-sample");
      const seen = new Array<number>(10).fill(0);
      const differences: number[] = [];
      for (let i = 0; i < 500; i++) {
        const label = exact.labels[i]!;
        const twin = (label * 60 + seen[label]!++) * 3072;
        let difference = 0;
        for (let p = 0; p < 3072; p++)
          difference += Math.abs(exact.images[i * 3072 + p]! - lossy.images[twin + p]!);
        if (seen[label]! <= 60) differences.push(difference / 3072);
      }
      expect(Math.min(...differences)).toBeGreaterThan(0);
      expect(Math.max(...differences)).toBeLessThan(25);
    },
  );

  it.runIf(here("image/imagenet-sample"))(
    "ImageNet: the photographs (skipped if the shared data is absent)",
    async () => {
      const photographs = await loadPhotographs("imagenet-sample");
      expect(photographs).toHaveLength(100);
      expect(photographs[1]).toMatchObject({ wnid: "n01530575", label: "brambling", classIndex: 10 });
      const index = JSON.parse(
        await readFile(sharedFile("image/imagenet-sample/imagenet_class_index.json")!, "utf8"),
      ) as Record<string, [string, string]>;
      for (const { wnid, label, classIndex } of photographs) {
        expect(index[classIndex]).toEqual([wnid, label.replaceAll(" ", "_")]);
      }
    },
  );

  it.runIf(here("image/imagenet-sample"))(
    "ImageNet: downloaded file by file (skipped if the shared data is absent)",
    async () => {
      const record = findDataset("imagenet-sample");
      const files = record.forms[0]!.files;
      const contents = await Promise.all(files.map((known) => readFile(sharedFile(known.shared!)!)));
      withoutShared();
      for (const [i, known] of files.entries())
        server.on(new URL(known.urls[0]!).pathname, file(contents[i]!));
      expect(await getDataset(findDataset("imagenet-sample"))).toMatchObject({ fetched: 100 });
      expect((await loadPhotographs("imagenet-sample"))[99]!.path.startsWith(hub.cache)).toBe(true);
    },
  );

  it.runIf(here("image/mnist"))(
    "MNIST: accepts a recompressed file, rejects a different one (skipped if the shared data is absent)",
    async () => {
      const shared = sharedFile("image/mnist")!;
      withoutShared();
      await mkdir(join(hub.cache, "data", "mnist"), { recursive: true });
      for (const name of ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]) {
        const content = gunzipSync(await readFile(join(shared, name)));
        await writeFile(join(hub.cache, "data", "mnist", name), gzipSync(content, { level: 1 }));
      }
      expect((await loadDataset("mnist", { split: "test" })).labels[0]).toBe(7);
      await failure(loadDataset("mnist", { split: "train" }), "absent");
    },
  );
});
