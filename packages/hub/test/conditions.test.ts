import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { download } from "../src/download.ts";
import { cacheRoot, mirrored } from "../src/environment.ts";
import { parseContentRange, redirectTarget } from "../src/transfer/http.ts";
import { backOff, parseRetryAfter } from "../src/transfer/retry.ts";
import { bytes, failure, scratch, sha256 } from "./scratch.ts";
import { file, status, TestServer } from "./server.ts";

const server = new TestServer();
beforeAll(() => server.listen());
afterAll(() => server.close());
beforeEach(() => {
  for (const name of ["HUB", "OFFLINE", "CACHE", "SHARED", "MODELS"]) vi.stubEnv(`TESSERA_${name}`, "");
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]) {
    vi.stubEnv(name, "");
    vi.stubEnv(name.toLowerCase(), "");
  }
});
afterEach(() => {
  server.reset();
  vi.unstubAllEnvs();
});

const content = bytes(100_000);
const sha = sha256(content);
const quick = { backOff: 1, timeout: 20_000 };

describe("unrequested content codings", () => {
  const zipped = gzipSync("0123456789".repeat(1_000));

  it("leaves a .gz file as it is, even if labelled Content-Encoding: gzip", async () => {
    const folder = await scratch();
    const url = server.on("/labels.gz", file(zipped, { headers: { "content-encoding": "gzip" } }));
    await download(url, join(folder, "labels.gz"), { ...quick, sha256: sha256(zipped), size: zipped.length });
    expect(sha256(await readFile(join(folder, "labels.gz")))).toBe(sha256(zipped));
    // Without a checksum, the file name decides.
    await download(url, join(folder, "b.gz"), quick);
    expect(sha256(await readFile(join(folder, "b.gz")))).toBe(sha256(zipped));
  });

  it.each([
    ["gzip", gzipSync(content)],
    ["br", brotliCompressSync(content)],
  ])("decodes %s if the server really compressed in transit", async (coding, sent) => {
    const folder = await scratch();
    const url = server.on("/a.pth", file(sent, { headers: { "content-encoding": coding } }));
    await download(url, join(folder, "a.pth"), { ...quick, sha256: sha, size: content.length });
    expect(sha256(await readFile(join(folder, "a.pth")))).toBe(sha256(content));
    await download(url, join(folder, "b.pth"), quick);
    expect(sha256(await readFile(join(folder, "b.pth")))).toBe(sha256(content));
    expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  it("decodes a .gz file that was compressed again in transit", async () => {
    const target = join(await scratch(), "labels.gz");
    const url = server.on("/labels.gz", file(gzipSync(zipped), { headers: { "content-encoding": "gzip" } }));
    await download(url, target, { ...quick, sha256: sha256(zipped) });
    expect(sha256(await readFile(target))).toBe(sha256(zipped));
  });

  it("never resumes coded bytes, whose offsets are not the file's", async () => {
    const coded = { headers: { "content-encoding": "gzip" }, etag: '"one"' };
    const sent = gzipSync(content);
    const url = server.on("/a", file(sent, { ...coded, dropAfter: 50_000 }), file(sent, coded));
    await download(url, join(await scratch(), "a"), { ...quick, sha256: sha });
    expect(server.requests.map((request) => request.headers.range)).toEqual([undefined, undefined]);
  });

  it("stops decompression bombs", async () => {
    const folder = await scratch();
    const bomb = gzipSync(new Uint8Array(50_000_000));
    const url = server.on("/a", file(bomb, { headers: { "content-encoding": "gzip" } }));
    const error = await failure(download(url, join(folder, "a"), { ...quick, size: content.length }), "size");
    expect(error.message).toBe(`${url}: expected 100000 bytes, got more after decompression`);
    expect(await readdir(folder)).toEqual([]);
  });

  it("refuses corrupt compressed bodies and unsupported codings", async () => {
    const folder = await scratch();
    const broken = server.on("/a", file(content, { headers: { "content-encoding": "gzip" } }));
    expect((await failure(download(broken, join(folder, "a"), quick), "checksum")).message).toContain(
      "does not decompress",
    );
    const strange = server.on("/b", file(content, { headers: { "content-encoding": "rot13" } }));
    expect((await failure(download(strange, join(folder, "b"), quick), "refused")).message).toContain(
      'coding "rot13"',
    );
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("without a network", () => {
  it("TESSERA_OFFLINE: the error says how to add the file by hand", async () => {
    vi.stubEnv("TESSERA_OFFLINE", "1");
    const target = join(await scratch(), "resnet18-f37072fd.pth");
    const url = server.on("/models/resnet18-f37072fd.pth", file(content));
    const error = await failure(
      download(url, target, { shaPrefix: "f37072fd", size: 46_830_571 }),
      "offline",
    );
    expect(error.message).toBe(
      `resnet18-f37072fd.pth: not on this machine, and TESSERA_OFFLINE is set.
To add it by hand, download it on a machine with network access from
  ${url}  (44.7 MiB, SHA-256 f37072fd…)
and save it as
  ${target}
It is verified on first use. Alternatively, set TESSERA_HUB to the base URL of a mirror, HTTPS_PROXY to a proxy,
or TESSERA_CACHE to a cache filled by another machine.`,
    );
    expect(server.requests).toHaveLength(0);
  });

  it("TESSERA_OFFLINE allows files that are already there", async () => {
    vi.stubEnv("TESSERA_OFFLINE", "1");
    const target = join(await scratch(), "a");
    await writeFile(target, content);
    expect(await download("https://nowhere.invalid/a", target, { sha256: sha })).toMatchObject({
      fetched: false,
    });
  });

  it("unreachable server: the error says how to add the file by hand", async () => {
    // The local port of a client: in use, so no other program can start listening on it.
    const client = connect(Number(new URL(server.origin).port), "127.0.0.1");
    await once(client, "connect");
    const port = client.localPort;
    const target = join(await scratch(), "a");
    const error = await failure(
      download(`http://127.0.0.1:${port}/a`, target, { timeout: 20_000 }),
      "unreachable",
    );
    expect(error.message).toContain(`127.0.0.1:${port} cannot be reached (ECONNREFUSED)`);
    expect(error.message).toContain(`and save it as\n  ${target}`);
    client.destroy();
  });
});

describe("TESSERA_HUB", () => {
  it("replaces scheme and host and keeps path and query", async () => {
    vi.stubEnv("TESSERA_HUB", `${server.origin}/mirror/`);
    expect(mirrored("https://download.pytorch.org/models/a.pth")).toBe(
      `${server.origin}/mirror/models/a.pth`,
    );
    expect(mirrored("https://huggingface.co/timm/x/resolve/main/y?download=true")).toBe(
      `${server.origin}/mirror/timm/x/resolve/main/y?download=true`,
    );
    server.on("/mirror/models/a.pth", file(content));
    const result = await download("https://download.pytorch.org/models/a.pth", join(await scratch(), "a"), {
      ...quick,
      sha256: sha,
      mirrors: ["https://elsewhere.invalid/models/a.pth"],
    });
    expect(result.fetched).toBe(true);
  });

  it("is asked once if several sources map to the same path", async () => {
    vi.stubEnv("TESSERA_HUB", server.origin);
    server.on("/mnist/a.gz", status(404));
    const mirrors = ["https://two.invalid/mnist/a.gz"];
    await failure(
      download("https://one.invalid/mnist/a.gz", join(await scratch(), "a"), { mirrors }),
      "not-found",
    );
    expect(server.requests).toHaveLength(1);
  });

  it("must be an http(s) URL", async () => {
    vi.stubEnv("TESSERA_HUB", "mirror.example.org");
    const error = await failure(download("https://one.invalid/a", join(await scratch(), "a")), "unreachable");
    expect(error.message).toBe('TESSERA_HUB: expected an http or https URL, got "mirror.example.org"');
  });
});

describe("proxies", () => {
  it("HTTP_PROXY is used except for hosts in NO_PROXY", async () => {
    const seen: string[] = [];
    const port = Number(new URL(server.origin).port);
    // Support both ways of using a proxy: a CONNECT tunnel, or the absolute URL in the request line.
    const proxy = createServer((request, response) => {
      seen.push(new URL(request.url!).host);
      const path = new URL(request.url!).pathname;
      httpRequest({ port, path, headers: request.headers }, (reply) => reply.pipe(response)).end();
    }).on("connect", (request, socket) => {
      seen.push(request.url!.replace(/:80$/, ""));
      const upstream = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        upstream.pipe(socket).pipe(upstream);
      });
    });
    await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
    vi.stubEnv("http_proxy", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const direct = server.on("/a.bin", file(content));
    const folder = await scratch();
    // The host does not exist, so only the proxy can have fetched it.
    await download("http://files.invalid/a.bin", join(folder, "a"), { ...quick, sha256: sha });
    expect(seen).toEqual(["files.invalid"]);
    vi.stubEnv("no_proxy", "127.0.0.1");
    await download(direct, join(folder, "b"), { ...quick, sha256: sha });
    expect(seen).toEqual(["files.invalid"]);
    proxy.closeAllConnections();
    await new Promise((done) => proxy.close(done));
  });
});

describe("https", () => {
  const openssl = ["/usr/bin/openssl", "/usr/local/bin/openssl", "/opt/homebrew/bin/openssl"].find(
    existsSync,
  );

  it.runIf(openssl)("rejects untrusted certificates (skipped without openssl)", async () => {
    const folder = await scratch();
    const [key, cert] = [join(folder, "key"), join(folder, "cert")];
    const make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync(openssl!, [...make, "-keyout", key, "-out", cert, "-subj", "/CN=localhost"], {
      stdio: "ignore",
    });
    const secure = createSecureServer({ key: await readFile(key), cert: await readFile(cert) }, (_q, r) =>
      r.end("x"),
    );
    await new Promise<void>((done) => secure.listen(0, "127.0.0.1", done));
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/a`;
    const error = await failure(download(url, join(folder, "a"), quick), "unreachable");
    expect(error.message).toContain("its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)");
    expect(error.message).toContain("NODE_EXTRA_CA_CERTS");
    secure.closeAllConnections();
    await new Promise((done) => secure.close(done));
  });

  it("is never downgraded to http", () => {
    expect(redirectTarget("https://b/x", "http://a/y")).toBe("https://b/x");
    expect(redirectTarget("/x", "https://a/y")).toBe("https://a/x");
    expect(() => redirectTarget("http://b/x", "https://a/y")).toThrow(
      "redirected to http://b, which is not https",
    );
    expect(() => redirectTarget("file:///etc/passwd", "http://a/y")).toThrow("not followed");
  });
});

describe("helpers", () => {
  it("parses Content-Range", () => {
    expect(parseContentRange("bytes 5-9/10")).toEqual({ start: 5, total: 10 });
    expect(parseContentRange("bytes 5-9/*")).toEqual({ start: 5 });
    expect(parseContentRange("bytes */10")).toEqual({ total: 10 });
    expect(parseContentRange("lines 5-9/10")).toEqual({});
    expect(parseContentRange(undefined)).toEqual({});
  });

  it("parses Retry-After", () => {
    expect(parseRetryAfter("120")).toBe(120_000);
    expect(parseRetryAfter("Wed, 21 Oct 2015 07:28:10 GMT", Date.UTC(2015, 9, 21, 7, 28))).toBe(10_000);
    expect(parseRetryAfter("Wed, 21 Oct 2015 07:28:10 GMT", Date.UTC(2016, 1, 1))).toBe(0);
    expect(parseRetryAfter("soon")).toBeUndefined();
    expect(parseRetryAfter(undefined)).toBeUndefined();
  });

  it("backs off exponentially, up to 30 s", () => {
    for (const [failures, base] of [
      [1, 500],
      [2, 1_000],
      [4, 4_000],
      [7, 30_000],
      [50, 30_000],
    ] as const) {
      const wait = backOff(failures, 500);
      expect(wait).toBeGreaterThanOrEqual(base);
      expect(wait).toBeLessThanOrEqual(base * 1.25);
    }
  });

  it("puts the cache in the platform's cache directory", () => {
    vi.stubEnv("TESSERA_CACHE", "/somewhere/else");
    expect(cacheRoot()).toBe("/somewhere/else");
    vi.stubEnv("TESSERA_CACHE", "~/mine");
    expect(cacheRoot()).toBe(join(homedir(), "mine"));
    vi.stubEnv("TESSERA_CACHE", "");
    vi.stubEnv("XDG_CACHE_HOME", "/xdg");
    expect(cacheRoot()).toBe(join("/xdg", "tessera"));
    vi.stubEnv("XDG_CACHE_HOME", "relative");
    const platform = vi.spyOn(process, "platform", "get");
    platform.mockReturnValue("linux");
    expect(cacheRoot()).toBe(join(homedir(), ".cache", "tessera"));
    platform.mockReturnValue("darwin");
    expect(cacheRoot()).toBe(join(homedir(), "Library", "Caches", "tessera"));
    platform.mockReturnValue("win32");
    vi.stubEnv("LOCALAPPDATA", "/local");
    expect(cacheRoot()).toBe(join("/local", "tessera", "Cache"));
    platform.mockRestore();
  });
});
