import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { healthAnswer } from "../../src/api/index.ts";
import { startStudio } from "../../src/server/index.ts";
import { errorOf, MODELS, postJson, testStudio } from "./support/studio.ts";

const studio = testStudio({ allowedHosts: ["studio.example"] });
const get = (path: string, headers = {}) => fetch(studio.url + path, { headers });

/** `fetch` does not let callers set some headers. */
function raw(path: string, headers: Record<string, string>, method = "GET"): Promise<Response> {
  return new Promise((resolve, reject) => {
    request(studio.url + path, { headers, method }, async (answer) => {
      const text = (await answer.toArray()).join("");
      resolve(new Response(text, { status: answer.statusCode! }));
    })
      .on("error", reject)
      .end();
  });
}

describe("the page", () => {
  it("is cross-origin isolated, so that WebAssembly has threads", async () => {
    const response = await get("/");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(response.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await response.text()).toContain("<title>Studio");
  });

  it("is revalidated; files with a hash in their name are cached for ever", async () => {
    const page = await get("/");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const etag = page.headers.get("etag")!;
    const again = await get("/", { "if-none-match": etag });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    expect((await get("/", { "if-none-match": '"other"' })).status).toBe(200);
    const asset = await get("/assets/main-3f9a.js");
    expect(asset.headers.get("content-type")).toContain("javascript");
    expect(asset.headers.get("cache-control")).toContain("immutable");
  });

  it("answers HEAD without a body", async () => {
    const response = await fetch(`${studio.url}/assets/main-3f9a.js`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe("20");
    expect(await response.text()).toBe("");
  });

  it.each([
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
    "/%00",
    "/%zz",
    "/nothing.html",
    "/assets",
    "/models/../secret.txt",
    "/models/..%2f/secret.txt",
    "/models/x/record.json",
  ])("gives nothing for %s", async (path) => {
    expect(await errorOf(await raw(path, {}))).toMatchObject({ status: 404, code: "not-found" });
  });
});

describe("/models", () => {
  it("serves the shipped files, whole and in ranges", async () => {
    const path = `/models/${MODELS[0]}/model.safetensors`;
    const file = await readFile(join(studio.folder, path));
    const whole = await get(path);
    expect(whole.headers.get("accept-ranges")).toBe("bytes");
    expect(Buffer.from(await whole.arrayBuffer()).equals(file)).toBe(true);
    const part = await get(path, { range: "bytes=8-107" });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe(`bytes 8-107/${file.length}`);
    expect(Buffer.from(await part.arrayBuffer()).equals(file.subarray(8, 108))).toBe(true);
    const tail = await get(path, { range: "bytes=-10" });
    expect(Buffer.from(await tail.arrayBuffer()).equals(file.subarray(-10))).toBe(true);
    const open = await get(path, { range: `bytes=${file.length - 3}-` });
    expect((await open.arrayBuffer()).byteLength).toBe(3);
    const beyond = await get(path, { range: `bytes=${file.length}-` });
    expect(beyond.status).toBe(416);
    const stale = await get(path, { range: "bytes=0-1", "if-range": '"old"' });
    expect(stale.status).toBe(200);
    await stale.body?.cancel();
    const record = await (await get(`/models/${MODELS[0]}/record.json`)).json();
    expect(record).toMatchObject({ name: MODELS[0], files: [{ file: "model.safetensors" }] });
  });

  it("lists them for a page that runs networks itself", async () => {
    const { models } = await (await get("/models/index.json")).json();
    expect(models.map(({ name }: { name: string }) => name)).toEqual(MODELS);
  });
});

describe("access control", () => {
  it.each(["evil.example", "127.0.0.1.evil.example", "localhost.evil.example"])(
    "rejects the host %j, a foreign name that points at this machine",
    async (host) => {
      expect(await errorOf(await raw("/api/health", { host }))).toMatchObject({
        status: 403,
        code: "forbidden",
      });
    },
  );

  it.each(["localhost:1234", "127.0.0.1", "[::1]:80", "192.168.0.7:7878", "Studio.Example"])(
    "accepts the host %j",
    async (host) => {
      expect((await raw("/api/health", { host })).status).toBe(200);
    },
  );

  it("rejects requests to compute from pages of other sites", async () => {
    const post = (headers: Record<string, string>) =>
      postJson(`${studio.url}/api/train`, { recipe: "nonsense" }, { headers });
    for (const origin of ["http://evil.example", "null", "http://127.0.0.1:1"])
      expect(await errorOf(await post({ origin }))).toMatchObject({ status: 403, code: "forbidden" });
    expect(
      await errorOf(await raw("/api/train/x", { "sec-fetch-site": "cross-site" }, "DELETE")),
    ).toMatchObject({
      status: 403,
    });
    expect(await errorOf(await post({ origin: studio.url }))).toMatchObject({ status: 404 });
    const answer = await get("/api/health", { origin: "http://evil.example" });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("other paths", () => {
  it("reports its health", async () => {
    expect(healthAnswer.parse(await (await get("/api/health")).json())).toEqual({
      status: "ok",
      waiting: 0,
      training: null,
    });
  });

  it("says which methods a path supports", async () => {
    const error = await errorOf(await get("/api/classify"));
    expect(error).toMatchObject({ status: 405, code: "method", message: expect.stringContaining("POST") });
    expect(await errorOf(await postJson(`${studio.url}/api/models/x`, {}))).toMatchObject({ status: 405 });
  });

  it("answers 404 for unknown paths", async () => {
    expect(await errorOf(await get("/api/nothing"))).toMatchObject({ status: 404, code: "not-found" });
    expect(await errorOf(await postJson(`${studio.url}/api/nothing`, {}))).toMatchObject({ status: 404 });
  });
});

it("reports a port that is in use", async () => {
  const port = Number(new URL(studio.url).port);
  await expect(startStudio({ port, page: studio.folder })).rejects.toThrow(
    `port ${port} of 127.0.0.1 is in use`,
  );
});
