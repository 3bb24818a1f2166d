import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import * as z from "zod";
import {
  type CheckpointRecord,
  checkpointCachePath,
  type FileRecord,
  localCheckpoint,
  locateCheckpoint,
  parseRecord,
  parseRecordAs,
  pullCheckpoint,
  recordSchema,
  requireCheckpoint,
  shipCheckpoint,
  shippedRecords,
  shippedRecordsOf,
} from "../src/index.ts";
import { bytes, failure, message, sha256 } from "./scratch.ts";
import { file, status } from "./server.ts";
import { testHub } from "./test-hub.ts";

const hub = testHub({ TESSERA_SHARED: "shared", TESSERA_MODELS: "shipped" });
const { server } = hub;

const content = bytes(200_000);
const shard = bytes(70_000, 2);

/** A record of a task unknown to this package. */
function recordOf(...files: readonly [FileRecord, ...FileRecord[]]): CheckpointRecord {
  const name = "whisper_tiny.test";
  return {
    ...{ name, task: "speech-recognition", network: "whisper_tiny", source: "huggingface" },
    ...{ files, licence: "MIT", reference: "Radford et al., arXiv:2212.04356" },
  };
}
const known = { size: content.length, sha256: sha256(content) };
const one = recordOf({ file: "a.pth", url: "https://example.org/models/a.pth", sizeMiB: 0.2, ...known });
const two = recordOf(
  { file: "model.index.json", url: "https://example.org/x/model.index.json", ...known },
  { file: "model-1.safetensors", url: "https://example.org/x/model-1.safetensors", sha256: sha256(shard) },
);

async function put(path: string, value: Uint8Array): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, value);
  return path;
}
const putShared = (path: string, value: Uint8Array) => put(join(hub.cache, "shared", "data", path), value);

describe("a record", () => {
  it("keeps the fields of its task", () => {
    const record = { ...one, language: "en", vocabulary: { size: 51_865 } };
    expect(parseRecord(JSON.stringify(record), "x")).toEqual(record);
    const schema = recordSchema({ task: z.literal("speech-recognition"), language: z.string() });
    const strict = { ...one, language: "en" };
    const parsed = parseRecordAs(schema, JSON.stringify(strict), "x");
    expect(parsed.language).toBe("en");
    expect(parsed).toEqual(strict);
    expect(parseRecordAs(schema, parseRecord(JSON.stringify(strict), "x"), "x")).toEqual(strict);
    expect(message(() => parseRecordAs(schema, JSON.stringify(record), "a.json"))).toMatch(
      /^a\.json: not a valid checkpoint record\n.*vocabulary/,
    );
    expect(message(() => parseRecordAs(schema, JSON.stringify({ ...strict, task: "depth" }), "x"))).toContain(
      "→ at task",
    );
  });

  it.each([
    ["no files", { files: [] }, "files"],
    ["a path for a file name", { files: [{ file: "../a.pth" }] }, "expected a file name"],
    ["the folder for a file name", { files: [{ file: ".." }] }, "expected a file name"],
    ["duplicate file names", { files: [{ file: "a.pth" }, { file: "a.pth" }] }, "duplicate file names"],
    ["an unknown field of a file", { files: [{ file: "a.pth", colour: "red" }] }, "colour"],
    ["a hash in capitals", { files: [{ file: "a.pth", sha256: "A".repeat(64) }] }, "sha256"],
    ["a name without a tag", { name: "whisper" }, "expected architecture.tag"],
    [
      "a metric that is not a number",
      { evaluation: { dataset: "x", metrics: { wer: "low" } } },
      "metrics.wer",
    ],
  ])("cannot have %s", (_, wrong, expected) => {
    expect(message(() => parseRecord(JSON.stringify({ ...one, ...wrong }), "x"))).toContain(expected);
  });
});

describe("pulling", () => {
  it("downloads from the mirror into the cache, and rejects wrong files", async () => {
    server.on("/models/a.pth", file(bytes(known.size, 3)));
    const error = await failure(pullCheckpoint(one), "checksum");
    expect(error.message).toContain(`expected SHA-256 ${known.sha256}`);
    expect(existsSync(checkpointCachePath(one))).toBe(false);
  });

  it("accepts a file without a known hash, and does not download it twice", async () => {
    const record = recordOf({ file: "a.pth", url: "https://example.org/models/a.pth" });
    server.on("/models/a.pth", file(content));
    expect(await locateCheckpoint(record)).toBeUndefined();
    const first = await pullCheckpoint(record);
    const path = join(hub.cache, "models", "whisper_tiny.test", "a.pth");
    expect(first).toMatchObject({ fetched: true, place: "cache", against: "none", size: known.size, path });
    expect(first.files).toEqual([expect.objectContaining({ path, sha256: known.sha256 })]);
    expect(await pullCheckpoint(record)).toMatchObject({ fetched: false, place: "cache" });
    expect(server.requests).toHaveLength(1);
    expect((await requireCheckpoint(record)).path).toBe(first.path);
    expect(await locateCheckpoint(record)).toEqual({ place: "cache", path, size: known.size });
  });

  it("says how to get a missing checkpoint", async () => {
    expect(await localCheckpoint(one)).toBeUndefined();
    const online = await failure(requireCheckpoint(one), "absent");
    expect(online.message).toBe(
      "whisper_tiny.test is not on this machine.\n`tessera pull whisper_tiny.test` downloads it (0.2 MiB).",
    );
    vi.stubEnv("TESSERA_OFFLINE", "1");
    const offline = await failure(requireCheckpoint(one), "absent");
    expect(offline.message).toContain("https://example.org/models/a.pth");
    expect(offline.message).toContain(checkpointCachePath(one));
    expect(offline.message).toContain("TESSERA_HUB");
    await failure(pullCheckpoint(one), "offline");
    const several = await failure(requireCheckpoint(two), "absent");
    expect(several.message).toContain("The same folder needs\n  https://example.org/x/model-1.safetensors");
    const unpublished = recordOf({ file: "a.pth", sha256: known.sha256 }, two.files[1]!);
    const nowhere = await failure(pullCheckpoint(unpublished), "absent");
    expect(nowhere.message).toContain(
      `It is not published; if you have a.pth (SHA-256 ${known.sha256}), save it as\n` +
        `  ${checkpointCachePath(unpublished)}`,
    );
    expect(server.requests).toHaveLength(0);
  });

  it("accepts a file added by hand if it verifies", async () => {
    const path = await put(checkpointCachePath(one), content.subarray(1));
    const error = await failure(localCheckpoint(one), "size");
    expect(error.message).toContain(`${path} (195.3 KiB): expected 200000 bytes, got 199999.`);
    // Pulling replaces it, or says why it cannot.
    server.on("/models/a.pth", status(404), file(content));
    await failure(pullCheckpoint(one), "not-found");
    expect(await pullCheckpoint(one)).toMatchObject({ fetched: true, against: "sha256" });
    expect(await readdir(dirname(path))).toEqual(["a.pth", "a.pth.verified.json"]);
  });

  it("finds a file in the shared folder, and leaves nothing there", async () => {
    const record = recordOf({ ...one.files[0], shared: "weights/w/a.pth" });
    const path = await putShared("weights/w/a.pth", content);
    expect(await pullCheckpoint(record)).toMatchObject({
      ...{ place: "shared", against: "sha256", fetched: false, path },
    });
    expect(await readdir(dirname(path))).toEqual(["a.pth"]);
    await put(checkpointCachePath(record), content);
    expect(await localCheckpoint(record)).toMatchObject({ place: "cache", against: "sha256" });
    expect(server.requests).toHaveLength(0);
  });
});

describe("a checkpoint of several files", () => {
  const path = (i: number) => checkpointCachePath(two, two.files[i]);

  it("is downloaded completely; the first file is the one to open", async () => {
    server.on("/x/model.index.json", file(content));
    server.on("/x/model-1.safetensors", status(404), file(shard));
    await failure(pullCheckpoint(two), "not-found");
    expect(await locateCheckpoint(two)).toBeUndefined();
    const pulled = await pullCheckpoint(two);
    expect(pulled).toMatchObject({ fetched: true, place: "cache", path: path(0), against: "sha256" });
    expect(pulled.size).toBe(content.length + shard.length);
    expect(pulled.files.map((each) => each.path)).toEqual([path(0), path(1)]);
    // Files completed by an earlier attempt are not downloaded again.
    expect(server.requests.map(({ url }) => url)).toEqual([
      "/x/model.index.json",
      "/x/model-1.safetensors",
      "/x/model-1.safetensors",
    ]);
    expect(await pullCheckpoint(two)).toMatchObject({ fetched: false, size: pulled.size });
  });

  it("is verified file by file; the weakest check counts", async () => {
    await put(path(0), content);
    await put(path(1), bytes(shard.length, 9));
    expect((await failure(localCheckpoint(two), "checksum")).message).toContain(path(1));
    await put(path(1), shard);
    expect(await localCheckpoint(two)).toMatchObject({ against: "sha256" });
    const less = recordOf(two.files[0], { ...two.files[1]!, sha256: undefined, size: shard.length });
    expect(await localCheckpoint(less)).toMatchObject({ against: "size" });
  });

  it("must be complete in one place", async () => {
    const record = recordOf(
      { ...two.files[0], shared: "w/model.index.json" },
      { ...two.files[1]!, shared: "w/model-1.safetensors" },
    );
    await put(checkpointCachePath(record), content);
    await putShared("w/model-1.safetensors", shard);
    expect(await locateCheckpoint(record)).toBeUndefined();
    const first = await putShared("w/model.index.json", content);
    const size = content.length + shard.length;
    expect(await locateCheckpoint(record)).toEqual({ place: "shared", path: first, size });
  });
});

describe("the checkpoints that ship", () => {
  const given: CheckpointRecord & { language: string } = {
    ...recordOf({ file: "model.safetensors" }, { file: "tokens.json" }),
    source: "tessera",
    language: "en",
  };

  async function ship(): Promise<string> {
    const folder = join(hub.cache, "shipped", given.name);
    await put(join(folder, "model.safetensors"), content);
    await put(join(folder, "tokens.json"), shard);
    await shipCheckpoint(given);
    return folder;
  }

  it("are found by their folders", async () => {
    expect(shippedRecords()).toEqual([]);
    const folder = await ship();
    const [record] = shippedRecords();
    expect(record).toEqual({
      ...given,
      files: [
        { file: "model.safetensors", ...known },
        { file: "tokens.json", size: shard.length, sha256: sha256(shard) },
      ],
    });
    expect(await pullCheckpoint(record!)).toMatchObject({
      ...{ place: "shipped", against: "sha256", fetched: false, path: join(folder, "model.safetensors") },
    });
    expect(await readdir(folder)).toEqual(["model.safetensors", "record.json", "tokens.json"]);
  });

  it("are verified", async () => {
    const folder = await ship();
    const [record] = shippedRecords();
    await writeFile(join(folder, "tokens.json"), bytes(shard.length, 5));
    expect((await failure(localCheckpoint(record!), "checksum")).message).toContain("tokens.json");
  });

  it("may be of an unknown task", async () => {
    await ship();
    const schema = recordSchema({ task: z.literal("depth"), metres: z.number() });
    expect(shippedRecordsOf("depth", schema)).toEqual([]);
    const depth = { ...one, name: "depth.test", task: "depth" };
    const path = join(hub.cache, "shipped", "depth.test", "record.json");
    await put(path, Buffer.from(JSON.stringify({ ...depth, metres: 10 })));
    expect(shippedRecords().map(({ task }) => task)).toEqual(["depth", "speech-recognition"]);
    expect(shippedRecordsOf("depth", schema)).toEqual([{ ...depth, metres: 10 }]);
    await writeFile(path, JSON.stringify({ ...depth, metres: "ten" }));
    expect(shippedRecords()).toHaveLength(2);
    expect(message(() => shippedRecordsOf("depth", schema))).toContain(path);
  });

  it("must have a valid record", async () => {
    const folder = await ship();
    const path = join(folder, "record.json");
    const before = await readFile(path, "utf8");
    const record = JSON.parse(readFileSync(path, "utf8")) as CheckpointRecord;
    await writeFile(path, JSON.stringify({ ...record, params: "many" }));
    expect(message(shippedRecords)).toMatch(/record\.json: not a valid checkpoint record\n.*[\s\S]*params/);
    await writeFile(path, JSON.stringify({ ...record, name: "whisper_small.test" }));
    expect(message(shippedRecords)).toBe(
      `${path}: expected name "whisper_tiny.test", got "whisper_small.test"`,
    );
    await writeFile(path, "{");
    expect(message(shippedRecords)).toContain(`${path}: not a valid checkpoint record`);
    await failure(shipCheckpoint({ ...given, name: "not.there" }), "absent");
    await writeFile(path, before);
    await failure(shipCheckpoint({ ...given, licence: "" }), "bad-data");
    expect(await readFile(path, "utf8")).toBe(before);
  });
});
