import { chmod, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  atomicWrite,
  blobSource,
  encodeSafetensors,
  fileSource,
  memorySource,
  openCheckpoint,
} from "../../src/files/index.ts";

let folder = "";
let content: Uint8Array<ArrayBuffer>;
const values = Float32Array.from({ length: 50_000 }, (_, i) => i);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sources-"));
  content = await encodeSafetensors([{ name: "w", dtype: "float32", shape: [500, 100], data: values }]);
  await writeFile(join(folder, "w.safetensors"), content);
});
afterAll(() => rm(folder, { recursive: true }));

describe("files", () => {
  test("by path and by file URL", async () => {
    const path = join(folder, "w.safetensors");
    for (const input of [path, pathToFileURL(path)]) {
      await using checkpoint = await openCheckpoint(input);
      expect(await checkpoint.get("w").read()).toEqual(values);
    }
  });

  test("a missing file or a folder", async () => {
    await expect(openCheckpoint(join(folder, "none.pt"))).rejects.toThrow(/ENOENT.*none\.pt/);
    await expect(openCheckpoint(folder)).rejects.toThrow(`${folder}: not a file`);
  });

  test("a file that shrinks or is closed while being read", async () => {
    const path = join(folder, "shrinking.safetensors");
    await writeFile(path, content);
    const checkpoint = await openCheckpoint(path);
    await truncate(path, 1000);
    await expect(checkpoint.get("w").read()).rejects.toThrow(`w: ${path}: the file became shorter`);
    await checkpoint.close();
    await expect(checkpoint.get("w").read()).rejects.toThrow("w: ");
  });

  test("a file that is not a checkpoint is closed again", async () => {
    const open = async (): Promise<number> => (await readdir("/proc/self/fd").catch(() => [])).length;
    await writeFile(join(folder, "bad.pt"), "PK\x03\x04 nothing");
    await openCheckpoint(join(folder, "bad.pt")).catch(() => {});
    const before = await open();
    for (let i = 0; i < 20; i++)
      await expect(openCheckpoint(join(folder, "bad.pt"))).rejects.toThrow("bad.pt");
    expect((await open()) - before).toBeLessThan(5);
  });
});

test("no source reads beyond its end", async () => {
  const path = join(folder, "w.safetensors");
  for (const source of [memorySource(content), blobSource(new Blob([content])), await fileSource(path)]) {
    expect(await source.read(content.length - 2, 2)).toEqual(content.slice(-2));
    await expect(source.read(content.length - 2, 3)).rejects.toThrow(`has ${content.length}`);
    await expect(source.read(0, 2 ** 50)).rejects.toThrow(`has ${content.length}`);
    await expect(source.read(-1, 2)).rejects.toThrow("truncated or corrupt");
    await source.close();
  }
});

test("memory and blobs; reads return copies", async () => {
  const mine = content.slice();
  for (const input of [mine, new Blob([mine]), new File([mine], "w")]) {
    await using checkpoint = await openCheckpoint(input);
    const read = await checkpoint.get("w").read();
    expect(read).toEqual(values);
    read.fill(0 as never);
    expect(await checkpoint.get("w").readRange(1, 2)).toEqual(values.slice(100, 200));
  }
});

describe("URLs", () => {
  let server: Server | undefined;
  let requests: (string | undefined)[] = [];
  afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())));

  async function serve(listener: RequestListener): Promise<string> {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request.headers.range);
      listener(request, response);
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/w.safetensors`;
  }

  const ranges =
    (
      etag: () => string,
      change: (first: number, last: number) => [number, number] = (a, b) => [a, b],
    ): RequestListener =>
    (request, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      const [first, last] = change(Number(from), Math.min(Number(to), content.length - 1));
      const body = content.subarray(first, last + 1);
      response.writeHead(206, { "content-range": `bytes ${first}-${last}/${content.length}`, etag: etag() });
      response.end(body);
    };

  test("with range requests, only what is needed is fetched", async () => {
    const url = await serve(ranges(() => '"1"'));
    const checkpoint = await openCheckpoint(url);
    expect(await checkpoint.get("w").readRange(0, 2)).toEqual(values.slice(0, 200));
    expect(requests).toEqual(["bytes=0-65535"]);
    expect(await checkpoint.get("w").readRange(400, 401)).toEqual(values.slice(40_000, 40_100));
    const start = content.length - 4 * values.length + 4 * 40_000;
    expect(requests.slice(1)).toEqual([`bytes=${start}-${start + 399}`]);
    expect(await checkpoint.get("w").read()).toEqual(values);
  });

  test("without range support, the file is fetched once", async () => {
    const url = await serve((_, response) => void response.end(content));
    const checkpoint = await openCheckpoint(new URL(url));
    expect(await checkpoint.get("w").read()).toEqual(values);
    expect(requests).toHaveLength(1);
  });

  test("headers are sent, error statuses are reported", async () => {
    const url = await serve((request, response) => {
      response.statusCode = request.headers.authorization === "Bearer x" ? 404 : 401;
      response.end("no");
    });
    await expect(openCheckpoint(url)).rejects.toThrow(`${url}: HTTP 401 Unauthorized`);
    await expect(openCheckpoint(url, { headers: { Authorization: "Bearer x" } })).rejects.toThrow(
      "HTTP 404 Not Found",
    );
  });

  test("a file that changes between reads", async () => {
    let version = 1;
    const url = await serve(ranges(() => `"${version}"`));
    const checkpoint = await openCheckpoint(url);
    version++;
    await expect(checkpoint.get("w").readRange(400, 401)).rejects.toThrow(
      "the file changed while it was being read",
    );
  });

  test("a server that sends wrong ranges", async () => {
    const shifted = await serve(
      ranges(
        () => "1",
        (first, last) => (first > 0 ? [first - 1, last - 1] : [first, last]),
      ),
    );
    const checkpoint = await openCheckpoint(shifted);
    await expect(checkpoint.get("w").readRange(400, 401)).rejects.toThrow(
      "a different range from the one requested",
    );
  });

  test("shards next to an index", async () => {
    const url = await serve((request, response) => {
      const index = JSON.stringify({ weight_map: { w: "w 1.safetensors" } });
      response.end(request.url === "/w%201.safetensors" ? content : index);
    });
    const checkpoint = await openCheckpoint(url);
    expect(await checkpoint.get("w").readRange(3, 4)).toEqual(values.slice(300, 400));
  });
});

describe("atomicWrite", () => {
  test("text, bytes and pieces", async () => {
    const path = join(folder, "text");
    await atomicWrite(path, "grüß");
    expect(await readFile(path, "utf8")).toBe("grüß");
    await atomicWrite(path, new Uint8Array([1, 2]));
    expect([...(await readFile(path))]).toEqual([1, 2]);
    await atomicWrite(path, async (file) => {
      for (let i = 0; i < 3; i++) await file.write(Uint8Array.of(i));
    });
    expect([...(await readFile(path))]).toEqual([0, 1, 2]);
  });

  test("keeps the old file during and after a failed write, and leaves no other files", async () => {
    const inside = join(folder, "atomic");
    await mkdir(inside);
    const path = join(inside, "file");
    await atomicWrite(path, "old");
    const failing = atomicWrite(path, async (file) => {
      await file.write(new Uint8Array(1000));
      expect(await readFile(path, "utf8")).toBe("old");
      expect(await readdir(inside)).toHaveLength(2);
      throw new Error("power failure");
    });
    await expect(failing).rejects.toThrow("power failure");
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(inside)).toEqual(["file"]);
  });

  test("with two concurrent writers, one of them wins completely", async () => {
    const path = join(folder, "race");
    const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(100_000));
    await Promise.all(texts.map((text) => atomicWrite(path, text)));
    expect(texts).toContain(await readFile(path, "utf8"));
  });

  test("a missing folder", async () => {
    await expect(atomicWrite(join(folder, "none/file"), "x")).rejects.toThrow("ENOENT");
  });

  test.skipIf(process.getuid?.() === 0)("a read-only folder (skipped for root)", async () => {
    const locked = join(folder, "locked");
    await mkdir(locked);
    await chmod(locked, 0o500);
    await expect(atomicWrite(join(locked, "file"), "x")).rejects.toThrow("EACCES");
  });
});
