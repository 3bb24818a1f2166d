/** `tessera pull` and `tessera data get`, from a local mirror and offline. */
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { file, status, TestServer } from "../../hub/test/server.ts";
import { scratch, tessera } from "./run.ts";

const folder = await scratch();
const server = new TestServer();
const bytes = new Uint8Array(300_000).map((_, i) => (i * 7) ^ (i >> 5));

/** A published checkpoint; only its record is on this machine. */
const record = {
  name: "lenet5.test",
  task: "image-classification",
  network: "lenet5",
  source: "tessera",
  files: [
    {
      file: "model.safetensors",
      url: "https://example.org/lenet5/model.safetensors",
      size: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    },
  ],
  licence: "MIT",
  preprocessing: { library: "pil", interpolation: "bilinear", mean: [0.5], std: [0.5] },
  classes: { count: 10, labels: "digits" },
  reference: "none",
};
const env = {
  TESSERA_CACHE: join(folder, "cache"),
  TESSERA_MODELS: join(folder, "models"),
  TESSERA_SHARED: folder,
};
const online = () => ({ env: { ...env, TESSERA_OFFLINE: "", TESSERA_HUB: server.origin } });

beforeAll(async () => {
  await server.listen();
  await mkdir(join(env.TESSERA_MODELS, record.name), { recursive: true });
  await writeFile(join(env.TESSERA_MODELS, record.name, "record.json"), JSON.stringify(record));
});
afterEach(() => server.reset());
afterAll(() => server.close());

test("pull: Ctrl-C stops a download, the same command resumes and verifies it, and a third finds it", async () => {
  const etag = '"1"';
  server.on("/lenet5/model.safetensors", file(bytes, { stallAfter: 200_000, etag }), file(bytes, { etag }));
  const path = join(env.TESSERA_CACHE, "models", record.name, "model.safetensors");
  const stopped = await tessera(["pull", "lenet5.test"], {
    ...online(),
    onStart: interruptOnce(`${path}.partial`),
  });
  expect(stopped).toEqual({ out: "", err: "error: interrupted\n", code: 130 });
  const resumed = await tessera(["pull", "lenet5.test"], online());
  expect(resumed).toEqual({
    out: `lenet5.test: downloaded, 293.0 KiB, SHA-256 verified, ${path}\n`,
    err: "",
    code: 0,
  });
  expect(new Uint8Array(await readFile(path))).toEqual(bytes);
  expect(server.requests.map(({ headers }) => headers.range)).toEqual([
    undefined,
    expect.stringMatching(/^bytes=[1-9]\d*-$/),
  ]);
  const again = await tessera(["pull", "LeNet5.test"], { env });
  expect(again.out).toContain("lenet5.test: already here");
  expect(again.code).toBe(0);
});

/** Sends Ctrl-C as soon as the file is not empty. */
function interruptOnce(path: string): (child: ChildProcess) => void {
  return (child) => {
    const watch = setInterval(() => {
      if (!statSync(path, { throwIfNoEntry: false })?.size) return;
      clearInterval(watch);
      child.kill("SIGINT");
    }, 20);
    child.once("exit", () => clearInterval(watch));
  };
}

test("pull: reports a missing file and a wrong checksum", async () => {
  server.on("/models/resnet18-f37072fd.pth", status(404), file(bytes));
  const absent = await tessera(["pull", "resnet18"], online());
  expect(absent.err).toContain("404");
  expect(absent.code).toBe(1);
  const wrong = await tessera(["pull", "resnet18"], online());
  expect(wrong.err).toContain("expected a SHA-256 that starts with f37072fd");
  expect(wrong.code).toBe(1);
});

test("pull, offline: says what to fetch and where to put it", async () => {
  const { err, code } = await tessera(["pull", "resnet18"], { env });
  expect(err).toContain("https://download.pytorch.org/models/resnet18-f37072fd.pth");
  expect(err).toContain(join(env.TESSERA_CACHE, "models", "resnet18.tv_in1k_v1", "resnet18-f37072fd.pth"));
  expect(code).toBe(1);
});

test("data: lists data sets, downloads one split, and rejects an unpublished data set", async () => {
  const list = await tessera(["data", "list", "--json"], { env });
  const sets = JSON.parse(list.out) as { name: string; place: string }[];
  expect(sets.find(({ name }) => name === "mnist")).toMatchObject({
    place: "absent",
    licence: "CC-BY-SA-3.0",
  });
  server.on("/ElemStatLearn/datasets/zip.test.gz", file(gzipSync("5 0.5")));
  const get = await tessera(["data", "get", "usps", "--split", "test"], online());
  expect(get).toEqual({ out: "usps: 1 file downloaded and verified\n", err: "", code: 0 });
  const nowhere = await tessera(["data", "get", "cifar10-jpeg"], online());
  expect(nowhere.err).toContain("not published in this form");
  expect(nowhere.code).toBe(1);
});
