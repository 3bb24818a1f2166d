import { existsSync } from "node:fs";
import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { download } from "../src/download.ts";
import type { Progress } from "../src/progress.ts";
import { bytes, failure, scratch, sha256, written } from "./scratch.ts";
import { chunked, file, redirect, status, TestServer } from "./server.ts";

const server = new TestServer();
beforeAll(() => server.listen());
afterAll(() => server.close());
beforeEach(() => {
  for (const name of [
    "TESSERA_HUB",
    "TESSERA_OFFLINE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
  ]) {
    vi.stubEnv(name, "");
  }
});
afterEach(() => {
  server.reset();
  vi.unstubAllEnvs();
});

const content = bytes(300_000);
const sha = sha256(content);
const etag = '"one"';
/** Retries without waiting. */
const quick = { backOff: 1, timeout: 20_000 };
const sent = () => server.requests.map((request) => request.headers.range ?? "whole");

describe("download", () => {
  it("downloads and verifies, leaving only the file and its marker", async () => {
    const folder = await scratch();
    const target = join(folder, "deep", "er", "a.bin");
    const result = await download(server.on("/a.bin", file(content)), target, {
      sha256: sha,
      size: content.length,
    });
    expect(result).toEqual({
      path: target,
      size: content.length,
      sha256: sha,
      against: "sha256",
      fetched: true,
    });
    expect(sha256(await readFile(target))).toBe(sha256(content));
    expect(await readdir(join(folder, "deep", "er"))).toEqual(["a.bin", "a.bin.verified.json"]);
  });

  it("requests identity encoding", async () => {
    await download(server.on("/a.bin", file(content)), join(await scratch(), "a.bin"));
    expect(server.requests[0]!.headers["accept-encoding"]).toBe("identity");
  });

  it("downloads an empty file", async () => {
    const target = join(await scratch(), "empty");
    const result = await download(server.on("/empty", file(new Uint8Array())), target);
    expect(result).toMatchObject({ size: 0, against: "none", fetched: true });
    expect(await readFile(target)).toHaveLength(0);
  });

  it("verifies a hash prefix, as in resnet50-11ad3fa6.pth", async () => {
    const url = server.on("/a.bin", file(content));
    const folder = await scratch();
    const result = await download(url, join(folder, "a"), { shaPrefix: sha.slice(0, 8) });
    expect(result.against).toBe("prefix");
    const error = await failure(download(url, join(folder, "b"), { shaPrefix: "00000000" }), "checksum");
    expect(error.message).toBe(`${url}: expected a SHA-256 that starts with 00000000, got ${sha}`);
  });

  it("keeps an existing file that verifies and replaces one that does not", async () => {
    const target = join(await scratch(), "a.bin");
    const url = server.on("/a.bin", file(content));
    await writeFile(target, content);
    expect(await download(url, target, { sha256: sha })).toMatchObject({ fetched: false, sha256: sha });
    expect(server.requests).toHaveLength(0);
    await writeFile(target, "something else");
    expect(await download(url, target, { sha256: sha })).toMatchObject({ fetched: true });
    expect(sha256(await readFile(target))).toBe(sha256(content));
  });

  it("reports progress", async () => {
    const reports: Progress[] = [];
    const url = server.on("/a.bin", file(content, { piece: 30_000, pause: 40 }));
    await download(url, join(await scratch(), "a.bin"), { sha256: sha, progress: (p) => reports.push(p) });
    const downloading = reports.filter((report) => report.phase === "downloading");
    expect(downloading.length).toBeGreaterThan(3);
    expect(downloading[0]).toMatchObject({ file: "a.bin", received: 0, total: content.length });
    expect(downloading.at(-1)).toMatchObject({
      received: content.length,
      total: content.length,
      secondsLeft: 0,
    });
    const received = downloading.map((report) => report.received);
    expect(received).toEqual(received.toSorted((a, b) => a - b));
    expect(downloading.at(-1)!.bytesPerSecond).toBeGreaterThan(0);
    expect(reports.at(-1)).toMatchObject({ phase: "verifying", received: content.length });
  });

  it("can be aborted and resumed", async () => {
    const target = join(await scratch(), "a.bin");
    const stalled = file(content, { etag, stallAfter: 100_000 });
    const url = server.on("/a.bin", stalled, file(content, { etag }));
    const stop = new AbortController();
    const stopped = expect(download(url, target, { signal: stop.signal })).rejects.toThrow("enough");
    await written(target, 100_000);
    stop.abort(new Error("enough"));
    await stopped;
    expect(existsSync(target)).toBe(false);
    expect(existsSync(`${target}.lock`)).toBe(false);
    await download(url, target, { sha256: sha });
    expect(sent()).toEqual(["whole", "bytes=100000-"]);
    expect(sha256(await readFile(target))).toBe(sha256(content));
  });

  it("refuses URLs that are not http(s)", async () => {
    const error = await failure(download("ftp://x/a", join(await scratch(), "a")), "refused");
    expect(error.message).toBe('expected an http or https URL, got "ftp://x/a"');
  });
});

describe("wrong files", () => {
  it("refuses a corrupt file and keeps none of it", async () => {
    const folder = await scratch();
    const corrupt = content.slice();
    corrupt[123_456]! ^= 1;
    const url = server.on("/a.bin", file(corrupt, { etag }));
    const error = await failure(download(url, join(folder, "a.bin"), { ...quick, sha256: sha }), "checksum");
    expect(error.message).toBe(`${url}: expected SHA-256 ${sha}, got ${sha256(corrupt)}`);
    expect(await readdir(folder)).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it("refuses a file of the wrong size before reading it", async () => {
    const folder = await scratch();
    const url = server.on("/a.bin", file(content));
    const error = await failure(download(url, join(folder, "a.bin"), { ...quick, size: 299_999 }), "size");
    expect(error.message).toBe(`${url}: expected 299999 bytes, the server offers 300000`);
    expect(await readdir(folder)).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it("refuses a stream that is longer than the file", async () => {
    const folder = await scratch();
    const url = server.on("/a.bin", chunked(bytes(5_000_000)));
    const error = await failure(download(url, join(folder, "a.bin"), { ...quick, size: 1_000 }), "size");
    expect(error.message).toBe(`${url}: expected 1000 bytes, the server sent more`);
    expect(await readdir(folder)).toEqual([]);
  });

  it("rejects a truncated body that ends cleanly", async () => {
    const folder = await scratch();
    const url = server.on("/a.bin", chunked(content.subarray(0, 1_000)));
    const error = await failure(
      download(url, join(folder, "a.bin"), { ...quick, retries: 2, size: content.length }),
      "server",
    );
    expect(error.message).toContain("the connection ended at 1000 of 300000 bytes");
    expect(server.requests).toHaveLength(3);
    expect(existsSync(join(folder, "a.bin"))).toBe(false);
  });

  it("uses the checksum the server announces if none is given", async () => {
    const announce = (hash: string) => ({
      "x-linked-etag": `"${hash}"`,
      "x-linked-size": String(content.length),
    });
    const folder = await scratch();
    const real = server.on("/cdn", file(content));
    const right = server.on("/right", redirect(real, announce(sha)));
    expect(await download(right, join(folder, "a"))).toMatchObject({ against: "sha256", sha256: sha });
    const wrong = server.on("/wrong", redirect(real, announce("0".repeat(64))));
    await failure(download(wrong, join(folder, "b")), "checksum");
    // A given checksum takes precedence.
    expect(await download(wrong, join(folder, "c"), { sha256: sha })).toMatchObject({ sha256: sha });
  });

  it("rejects a login page sent instead of a model", async () => {
    const url = server.on(
      "/a.pth",
      status(200, { "content-type": "text/html; charset=utf-8" }, "<html>log in"),
    );
    const error = await failure(download(url, join(await scratch(), "a.pth"), quick), "refused");
    expect(error.message).toBe(`${url}: the server sent a web page instead of the file`);
  });
});

describe("failing servers", () => {
  it.each([429, 500, 502, 503, 504])("retries after %i", async (code) => {
    const target = join(await scratch(), "a.bin");
    await download(server.on("/a.bin", status(code), status(code), file(content)), target, {
      ...quick,
      sha256: sha,
    });
    expect(server.requests).toHaveLength(3);
  });

  it.each([
    [404, "not-found"],
    [410, "not-found"],
    [401, "refused"],
    [403, "refused"],
    [400, "refused"],
    [501, "server"],
  ] as const)("does not retry after %i", async (code, expected) => {
    const url = server.on("/a.bin", status(code), file(content));
    const error = await failure(download(url, join(await scratch(), "a.bin"), quick), expected);
    expect(error.message).toContain(`${url}: the server answered ${code}`);
    expect(server.requests).toHaveLength(1);
  });

  it("gives up after the last retry", async () => {
    const url = server.on("/a.bin", status(503));
    const error = await failure(
      download(url, join(await scratch(), "a.bin"), { ...quick, retries: 3 }),
      "server",
    );
    expect(error.message).toBe(`${url}: the server answered 503`);
    expect(server.requests).toHaveLength(4);
  });

  it("honours Retry-After, in seconds or as a date", async () => {
    const folder = await scratch();
    let start = performance.now();
    await download(
      server.on("/a", status(429, { "retry-after": "1" }), file(content)),
      join(folder, "a"),
      quick,
    );
    expect(performance.now() - start).toBeGreaterThan(990);
    start = performance.now();
    const date = new Date(Date.now() + 2_500).toUTCString(); // whole seconds: 1.5 s away at least
    await download(
      server.on("/b", status(503, { "retry-after": date }), file(content)),
      join(folder, "b"),
      quick,
    );
    expect(performance.now() - start).toBeGreaterThan(1_400);
  });

  it("gives up instead of waiting for an hour", async () => {
    const url = server.on("/a", status(429, { "retry-after": "3600" }), file(content));
    const error = await failure(download(url, join(await scratch(), "a"), quick), "server");
    expect(error.message).toBe(`${url}: the server answered 429; it asks us to wait 3600 s`);
    expect(server.requests).toHaveLength(1);
  });

  it("drops a stalled connection and resumes on a new one", async () => {
    const target = join(await scratch(), "a.bin");
    const url = server.on("/a.bin", file(content, { etag, stallAfter: 100_000 }), file(content, { etag }));
    // Long enough that a busy machine does not time out by accident.
    await download(url, target, { backOff: 1, timeout: 4_000, sha256: sha });
    expect(sent()).toEqual(["whole", "bytes=100000-"]);
  });

  it("tolerates a slow server that keeps sending", async () => {
    const url = server.on("/a.bin", file(content.subarray(0, 10_000), { piece: 250, pause: 150 }));
    const result = await download(url, join(await scratch(), "a.bin"), {
      ...quick,
      retries: 0,
      // Less than all the pieces take, far more than one.
      timeout: 5_000,
    });
    expect(result.size).toBe(10_000);
  });

  it("follows redirects, including relative ones, up to a limit", async () => {
    const folder = await scratch();
    server.on("/b", redirect("/deep/c"));
    server.on("/deep/c", redirect("d"));
    server.on("/deep/d", file(content));
    await download(server.on("/a", redirect(`${server.origin}/b`)), join(folder, "a"), { sha256: sha });
    const loop = await failure(
      download(server.on("/loop", redirect("/loop")), join(folder, "x"), quick),
      "refused",
    );
    expect(loop.message).toContain("more than 10 redirects");
    const away = server.on("/away", redirect("ftp://127.0.0.1/a"));
    const error = await failure(download(away, join(folder, "y"), quick), "refused");
    expect(error.message).toContain("redirected to ftp://127.0.0.1, which is not https; not followed");
    const nowhere = server.on("/nowhere", status(302));
    await failure(download(nowhere, join(folder, "z"), quick), "refused");
  });

  it("tries the mirrors in turn and reports every failure", async () => {
    const folder = await scratch();
    const missing = server.on("/missing", status(404));
    const corrupt = server.on("/corrupt", file(bytes(300_000, 2)));
    const good = server.on("/good", file(content));
    await download(missing, join(folder, "a"), { ...quick, sha256: sha, mirrors: [corrupt, good] });
    expect(sha256(await readFile(join(folder, "a")))).toBe(sha256(content));
    const error = await failure(
      download(missing, join(folder, "b"), { ...quick, sha256: sha, mirrors: [corrupt] }),
      "checksum",
    );
    expect(error.message).toContain(`${missing}: the server answered 404`);
    expect(error.message).toContain(`${corrupt}: expected SHA-256`);
  });
});

describe.runIf(process.platform === "linux")("failing disks", () => {
  it("reports a full disk and tries no other mirror", async () => {
    const folder = await scratch();
    const target = join(folder, "a.bin");
    // A device that is always full, written to through the link. Its size is 0, so nothing is resumed.
    await symlink("/dev/full", `${target}.partial`);
    vi.spyOn(
      await import("../src/transfer/partial.ts").then((m) => m.PartialFile.prototype),
      "discard",
    ).mockResolvedValue();
    const url = server.on("/a.bin", file(content));
    const error = await failure(
      download(url, target, { ...quick, mirrors: [server.on("/b.bin", file(content))] }),
      "disk",
    );
    vi.restoreAllMocks();
    expect(error.message).toBe(
      `${target}.partial: the disk is full. Free some space, or point TESSERA_CACHE at a folder on another disk.`,
    );
    expect(server.requests).toHaveLength(1);
  });

  it("reports a folder that cannot be created", async () => {
    const folder = await scratch();
    await writeFile(join(folder, "file"), "");
    const error = await failure(download(server.on("/a", file(content)), join(folder, "file", "a")), "disk");
    expect(error.message).toContain("cannot be written (EEXIST)");
  });

  it("refuses a file too large for the disk before reading it", async () => {
    const folder = await scratch();
    const huge = 1e18; // an exabyte
    const url = server.on("/a", (_request, response) => {
      response.writeHead(200, { "content-length": String(huge) });
      response.write("x");
    });
    const error = await failure(download(url, join(folder, "a"), quick), "disk");
    expect(error.message).toMatch(/^.*: needs 909494\.7 TiB, the disk has .* left\. Free some space/);
    expect(await readdir(folder)).toEqual([]);
  });
});
