import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { cacheSize, formatBytes, listCache, removeCached, verifyCached, writeAtomic } from "../src/index.ts";
import { acceptFile, markerPath } from "../src/verify.ts";
import { bytes, failure, scratch, sha256 } from "./scratch.ts";

let cache = "";
beforeEach(async () => {
  cache = await scratch();
  vi.stubEnv("TESSERA_CACHE", cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function put(path: string, content: Uint8Array | string): Promise<string> {
  const whole = join(cache, path);
  await mkdir(dirname(whole), { recursive: true });
  await writeFile(whole, content);
  return whole;
}

it("lists nothing in an empty cache", async () => {
  expect(await listCache()).toEqual([]);
  expect(await cacheSize()).toBe(0);
  expect(await removeCached("models", "resnet18.tv_in1k_v1")).toBe(0);
});

it("lists files with their size and state", async () => {
  const verified = await put("models/a.b/a.pth", bytes(100));
  await acceptFile(verified, {}, { mark: true });
  await put("models/a.b/b.pth.partial", bytes(50));
  await put("models/a.b/b.pth.partial.json", "{}");
  await put("models/a.b/b.pth.lock", "");
  await put("data/mnist/t10k-labels-idx1-ubyte.gz", bytes(20));
  const entries = await listCache();
  expect(entries.map(({ kind, name, file, size, state }) => [kind, name, file, size, state])).toEqual([
    ["models", "a.b", "a.pth", 100, "verified"],
    ["models", "a.b", "b.pth.partial", 50, "partial"],
    ["data", "mnist", "t10k-labels-idx1-ubyte.gz", 20, "unverified"],
  ]);
  expect(await cacheSize()).toBe(170);
});

it("verifies against the record and the last verified hash", async () => {
  const labels = await put("data/mnist/t10k-labels-idx1-ubyte.gz", bytes(20));
  const model = await put("models/a.b/a.pth", bytes(100));
  const [known, unknown] = (await listCache()).toSorted((a, b) => a.kind.localeCompare(b.kind));
  const error = await failure(verifyCached(known!, { size: 4_542 }), "size");
  expect(error.message).toBe(`${labels}: expected 4542 bytes, got 20`);
  await verifyCached(unknown!);
  expect((await listCache())[0]).toMatchObject({ path: model, state: "verified" });
  // A bit flips on disk, with size and modification time unchanged.
  const before = await readFile(markerPath(model), "utf8");
  const { mtimeMs } = JSON.parse(before) as { mtimeMs: number };
  const rotten = bytes(100);
  rotten[50]! ^= 1;
  await writeFile(model, rotten);
  await utimes(model, mtimeMs / 1000, mtimeMs / 1000);
  const rot = await failure(verifyCached((await listCache())[0]!), "checksum");
  expect(rot.message).toContain(
    `expected SHA-256 ${sha256(bytes(100))}, as last verified, got ${sha256(rotten)}`,
  );
  const partial = await put("models/a.b/b.pth.partial", bytes(5));
  const unfinished = (await listCache()).find((entry) => entry.path === partial)!;
  expect((await failure(verifyCached(unfinished), "size")).message).toContain("an unfinished download");
});

it("does not read a verified file again until it changes", async () => {
  const path = await put("models/a.b/a.pth", bytes(100));
  const first = await acceptFile(path, {}, { mark: true });
  // A false marker proves that the marker, not the file, is read.
  const marker = JSON.parse(await readFile(markerPath(path), "utf8")) as Record<string, unknown>;
  await writeFile(markerPath(path), JSON.stringify({ ...marker, sha256: "0".repeat(64) }));
  expect((await acceptFile(path, {})).sha256).toBe("0".repeat(64));
  await failure(acceptFile(path, { sha256: first.sha256 }), "checksum");
  // Same size, but newer by more than the resolution of the file system's clock.
  await writeFile(path, bytes(100, 2));
  await utimes(path, new Date(), new Date(Date.now() + 1_000));
  expect((await acceptFile(path, {}, { mark: true })).sha256).toBe(sha256(bytes(100, 2)));
  await writeFile(path, bytes(101));
  await utimes(path, 0, 0);
  expect((await acceptFile(path, {})).sha256).toBe(sha256(bytes(101)));
  await writeFile(markerPath(path), "damaged");
  expect((await acceptFile(path, {})).sha256).toBe(sha256(bytes(101)));
});

it("removes all files of a model, and nothing else", async () => {
  await put("models/a.b/a.pth", bytes(100));
  await put("models/a.b/b.pth.partial", bytes(50));
  await put("models/c.d/c.pth", bytes(7));
  expect(await removeCached("models", "a.b")).toBe(150);
  expect(await readdir(join(cache, "models"))).toEqual(["c.d"]);
});

it("never removes anything outside the cache", async () => {
  await put("models/a.b/a.pth", bytes(100));
  await put("elsewhere/file", bytes(3));
  expect(await removeCached("models", "../elsewhere")).toBe(0);
  expect(await removeCached("models", "..")).toBe(0);
  expect(await removeCached("models", "")).toBe(0);
  expect(await readdir(cache)).toEqual(["elsewhere", "models"]);
  expect(await readdir(join(cache, "models"))).toEqual(["a.b"]);
});

it("writes files atomically", async () => {
  const path = join(cache, "deep", "a.json");
  await writeAtomic(path, "one");
  await writeAtomic(path, "two");
  expect(await readFile(path, "utf8")).toBe("two");
  expect(await readdir(dirname(path))).toEqual(["a.json"]);
  await mkdir(join(cache, "deep", "folder"));
  await failure(writeAtomic(join(cache, "deep", "folder"), "three"), "disk");
  expect((await readdir(join(cache, "deep"))).toSorted()).toEqual(["a.json", "folder"]);
});

it("formats sizes with binary units", () => {
  const sizes = [0, 1, 1023, 1024, 1536, 1048576, 1217593344, 2 ** 45];
  expect(sizes.map(formatBytes)).toEqual([
    "0 B",
    "1 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "1.0 MiB",
    "1.1 GiB",
    "32.0 TiB",
  ]);
});
