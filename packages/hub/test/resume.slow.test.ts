import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type DownloadOptions, download } from "../src/download.ts";
import { HubError } from "../src/error.ts";
import type { Progress } from "../src/progress.ts";
import { bytes, failure, scratch, sha256, written } from "./scratch.ts";
import { type Behaviour, chunked, type FileOptions, file, status, TestServer } from "./server.ts";

const server = new TestServer();
beforeAll(() => server.listen());
afterAll(() => server.close());
afterEach(() => server.reset());

const content = bytes(300_000);
const sha = sha256(content);
const other = bytes(300_000, 7);
const etag = '"one"';
const quick: DownloadOptions = { backOff: 1, timeout: 20_000 };
const sent = () => server.requests.map((request) => request.headers.range ?? "whole");

/** Drops the first connection after 100,000 bytes, then answers with `then`. */
async function afterDrop(first: FileOptions, ...then: Behaviour[]): Promise<{ url: string; target: string }> {
  const target = join(await scratch(), "a.bin");
  const dropAfter = first.dropAfter ?? 100_000;
  const dropping = file(content, { ...first, dropAfter, dropWhen: () => written(target, dropAfter) });
  return { url: server.on("/a.bin", dropping, ...then), target };
}

describe("a dropped connection", () => {
  it("is resumed where it broke if the file has not changed", async () => {
    const { url, target } = await afterDrop({ etag }, file(content, { etag }));
    await download(url, target, quick);
    expect(sent()).toEqual(["whole", "bytes=100000-"]);
    expect(server.requests[1]!.headers["if-range"]).toBe(etag);
    expect(sha256(await readFile(target))).toBe(sha256(content));
    expect(await readdir(join(target, ".."))).toEqual(["a.bin", "a.bin.verified.json"]);
  });

  it("is resumed by date if the server has no entity tags", async () => {
    const lastModified = "Wed, 21 Oct 2015 07:28:00 GMT";
    const { url, target } = await afterDrop({ lastModified }, file(content, { lastModified }));
    await download(url, target, quick);
    expect(server.requests[1]!.headers["if-range"]).toBe(lastModified);
    expect(sha256(await readFile(target))).toBe(sha256(content));
  });

  it("starts over without a validator or checksum: two versions could mix", async () => {
    const { url, target } = await afterDrop({ etag: 'W/"weak"' }, file(content));
    await download(url, target, quick);
    expect(sent()).toEqual(["whole", "whole"]);
  });

  it("is resumed without a validator if there is a checksum", async () => {
    const { url, target } = await afterDrop({}, file(content));
    await download(url, target, { ...quick, sha256: sha });
    expect(sent()).toEqual(["whole", "bytes=100000-"]);
    expect(server.requests[1]!.headers["if-range"]).toBeUndefined();
  });

  it("may drop any number of times as long as the file grows", async () => {
    const target = join(await scratch(), "a.bin");
    const drops = [70_000, 140_000, 210_000].map((size) =>
      file(content, { etag, dropAfter: 70_000, dropWhen: () => written(target, size) }),
    );
    const url = server.on("/a.bin", ...drops, file(content, { etag }));
    await download(url, target, { ...quick, retries: 1, sha256: sha });
    expect(sent()).toEqual(["whole", "bytes=70000-", "bytes=140000-", "bytes=210000-"]);
  });

  it("without progress is given up, keeping the bytes for the next call", async () => {
    const broken = file(content, { etag, dropAfter: 0 });
    const { url, target } = await afterDrop({ etag }, broken, broken, broken, file(content, { etag }));
    const error = await failure(download(url, target, { ...quick, retries: 2 }), "server");
    expect(error.message).toContain("kept 97.7 KiB, the next attempt resumes from there");
    expect((await readdir(join(target, ".."))).toSorted()).toEqual(["a.bin.partial", "a.bin.partial.json"]);
    const seen: Progress[] = [];
    await download(url, target, { ...quick, sha256: sha, progress: (p) => seen.push(p) });
    expect(sent().at(-1)).toBe("bytes=100000-");
    expect(seen[0]).toMatchObject({ phase: "downloading", received: 100_000, total: 300_000 });
    // The bytes of the earlier call do not count towards the rate.
    expect(seen[0]!.bytesPerSecond).toBe(0);
  });

  it("is resumed from a mirror if there is a checksum", async () => {
    const mirror = server.on("/mirror", file(content, { etag: '"another server"' }));
    const { url, target } = await afterDrop({ etag }, status(404));
    await download(url, target, { ...quick, sha256: sha, mirrors: [mirror] });
    expect(sent()).toEqual(["whole", "bytes=100000-", "bytes=100000-"]);
  });
});

describe("an uncooperative server", () => {
  it("may ignore Range", async () => {
    const { url, target } = await afterDrop({ etag }, file(content, { etag, noRange: true }));
    await download(url, target, { ...quick, sha256: sha });
    expect(sent()).toEqual(["whole", "bytes=100000-"]);
    expect(sha256(await readFile(target))).toBe(sha256(content));
  });

  it("may have a different file by now", async () => {
    const { url, target } = await afterDrop({ etag }, file(other, { etag: '"two"' }));
    await download(url, target, quick);
    expect(sha256(await readFile(target))).toBe(sha256(other));
    expect(sent()).toEqual(["whole", "bytes=100000-"]);
  });

  it("may have a different file by now and ignore If-Range", async () => {
    const { url, target } = await afterDrop({ etag }, file(other, { etag: '"two"', noIfRange: true }));
    await download(url, target, quick);
    expect(sha256(await readFile(target))).toBe(sha256(other));
    expect(sent()).toEqual(["whole", "bytes=100000-", "whole"]);
  });

  it("may have a different file by now that only the checksum reveals", async () => {
    const { url, target } = await afterDrop({}, file(other), file(content));
    await download(url, target, { ...quick, sha256: sha });
    expect(sha256(await readFile(target))).toBe(sha256(content));
    expect(sent()).toEqual(["whole", "bytes=100000-", "whole"]);
  });

  it("is asked for the whole file again only once", async () => {
    const { url, target } = await afterDrop({});
    const drop = file(other, { dropAfter: 100_000, dropWhen: () => written(target, 100_000) });
    server.on("/a.bin", drop, file(other), drop, file(other), drop, file(other));
    await failure(download(url, target, { ...quick, sha256: sha }), "checksum");
    expect(sent()).toEqual(["whole", "bytes=100000-", "whole", "bytes=100000-"]);
  });

  it("may send an unrequested range", async () => {
    const wrongPart: Behaviour = (_request, response) => {
      response
        .writeHead(206, { "content-range": "bytes 99999-299999/300000", etag })
        .end(content.subarray(99_999));
    };
    const { url, target } = await afterDrop({ etag }, wrongPart, file(content, { etag }));
    await download(url, target, quick);
    expect(sha256(await readFile(target))).toBe(sha256(content));
    const whole = server.on("/b.bin", wrongPart);
    const error = await failure(download(whole, `${target}2`, quick), "refused");
    expect(error.message).toBe(`${whole}: requested the whole file, the server sent a part of it`);
  });

  it("may answer 416 because the partial file is complete", async () => {
    const target = join(await scratch(), "a.bin");
    await writeFile(`${target}.partial`, content);
    const url = server.on("/a.bin", file(content));
    await download(url, target, { ...quick, sha256: sha });
    expect(sent()).toEqual(["bytes=300000-"]);
    expect(sha256(await readFile(target))).toBe(sha256(content));
  });

  it("is not asked at all if the partial file has the known size", async () => {
    const target = join(await scratch(), "a.bin");
    await writeFile(`${target}.partial`, content);
    await download(server.on("/a.bin", file(content)), target, {
      ...quick,
      sha256: sha,
      size: content.length,
    });
    expect(sent()).toEqual([]);
  });

  it("may answer 416 because the partial file is too long", async () => {
    const target = join(await scratch(), "a.bin");
    await writeFile(`${target}.partial`, bytes(400_000, 3));
    await download(server.on("/a.bin", file(content)), target, { ...quick, sha256: sha });
    expect(sent()).toEqual(["bytes=400000-", "whole"]);
    expect(sha256(await readFile(target))).toBe(sha256(content));
  });
});

describe("leftovers of an earlier process", () => {
  it("may be wrong bytes, which are detected and downloaded again", async () => {
    const target = join(await scratch(), "a.bin");
    await writeFile(`${target}.partial`, bytes(50_000, 9));
    await download(server.on("/a.bin", file(content)), target, { ...quick, sha256: sha });
    expect(sent()).toEqual(["bytes=50000-", "whole"]);
    expect(sha256(await readFile(target))).toBe(sha256(content));
  });

  it("may be a damaged origin file", async () => {
    const { url, target } = await afterDrop({ etag, dropAfter: 1_000 }, status(404), file(content, { etag }));
    await failure(download(url, target, { ...quick, retries: 1 }), "not-found");
    await writeFile(`${target}.partial.json`, '{"url": "htt');
    await download(url, target, quick);
    expect(sent().at(-1)).toBe("whole");
    expect(sha256(await readFile(target))).toBe(sha256(content));
  });

  it("may be a stale lock file", async () => {
    const target = join(await scratch(), "a.bin");
    await writeFile(`${target}.lock`, "");
    await download(server.on("/a.bin", file(content)), target, { ...quick, sha256: sha });
    expect(await readdir(join(target, ".."))).toEqual(["a.bin", "a.bin.verified.json"]);
  });
});

describe("concurrent downloads", () => {
  const child = join(import.meta.dirname, "fetch-child.ts");

  it("in one process: one downloads, the others wait", async () => {
    const target = join(await scratch(), "a.bin");
    const { promise: othersWait, resolve: allWait } = Promise.withResolvers<void>();
    const url = server.on("/a.bin", file(content, { lastWhen: () => othersWait }));
    const waiting = new Set<number>();
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, i) => {
        const progress = ({ phase }: Progress) => {
          if (phase === "waiting" && waiting.add(i).size === 4) allWait();
        };
        return download(url, target, { ...quick, sha256: sha, progress });
      }),
    );
    expect(results.filter((result) => result.fetched)).toHaveLength(1);
    expect(server.requests).toHaveLength(1);
  });

  it("a waiting download can be aborted", async () => {
    const target = join(await scratch(), "a.bin");
    const { promise: brokenOff, resolve: goOn } = Promise.withResolvers<void>();
    const url = server.on("/a.bin", file(content, { lastWhen: () => brokenOff }));
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const first = download(url, target, { ...quick, progress: () => begin() });
    await begun;
    const controller = new AbortController();
    const progress = ({ phase }: Progress) => phase === "waiting" && controller.abort();
    const second = download(url, target, { ...quick, signal: controller.signal, progress });
    await expect(second).rejects.toThrow("aborted");
    goOn();
    expect((await first).fetched).toBe(true);
  });

  it("in several processes: one request, one correct file", async () => {
    const target = join(await scratch(), "a.bin");
    const url = server.on("/a.bin", file(content, { etag, piece: 20_000, pause: 60 }));
    const run = () => promisify(execFile)(process.execPath, [child, url, target, sha]);
    const results = await Promise.all([run(), run(), run()]);
    const fetched = results.map(({ stdout }) => (JSON.parse(stdout) as { fetched: boolean }).fetched);
    expect(fetched.toSorted()).toEqual([false, false, true]);
    expect(server.requests).toHaveLength(1);
    expect(sha256(await readFile(target))).toBe(sha256(content));
    expect(await readdir(join(target, ".."))).toEqual(["a.bin", "a.bin.verified.json"]);
  });

  it("a killed process does not block others, and its bytes are reused", async () => {
    const target = join(await scratch(), "a.bin");
    const url = server.on("/a.bin", file(content, { etag, stallAfter: 100_000 }), file(content, { etag }));
    const victim = spawn(process.execPath, [child, url, target, sha], { stdio: "ignore" });
    onTestFinished(() => void victim.kill("SIGKILL"));
    await written(target, 100_000);
    const ended = once(victim, "exit");
    victim.kill("SIGKILL");
    await ended;
    expect((await readdir(join(target, ".."))).toSorted()).toEqual([
      "a.bin.lock",
      "a.bin.partial",
      "a.bin.partial.json",
    ]);
    await download(url, target, { ...quick, sha256: sha });
    expect(sent()).toEqual(["whole", "bytes=100000-"]);
    expect(sha256(await readFile(target))).toBe(sha256(content));
    expect(await readdir(join(target, ".."))).toEqual(["a.bin", "a.bin.verified.json"]);
  });
});

describe("any sequence of responses", () => {
  const small = content.subarray(0, 5_000);
  const wrong = other.subarray(0, 5_000);
  const behaviour = fc.oneof(
    fc.nat(6_000).map((dropAfter) => file(small, { dropAfter, etag })),
    fc.nat(6_000).map((dropAfter) => file(wrong, { dropAfter, etag: '"two"', noIfRange: true })),
    fc.nat(6_000).map((dropAfter) => file(small, { dropAfter, noRange: true })),
    fc.constant(file(small, { headers: { "content-length": "4000" } })),
    fc.constant(chunked(content.subarray(0, 4_000))),
    fc.constant(chunked(content.subarray(0, 6_000))),
    fc.constantFrom(429, 500, 503, 206, 416).map((code) => status(code)),
  );

  it("leaves the correct file or none", async () => {
    let right = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(behaviour, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        async (script, known) => {
          server.reset();
          const target = join(await scratch(), "a.bin");
          // The server eventually sends the right file, possibly after the caller has given up.
          const url = server.on("/a.bin", ...script, file(small, { etag }));
          const options = {
            ...quick,
            retries: 3,
            sha256: sha256(small),
            ...(known && { size: small.length }),
          };
          for (let call = 0; call < 2; call++) {
            const error = await download(url, target, options).then(
              () => undefined,
              (reason: unknown) => reason,
            );
            const there = await readFile(target).catch(() => undefined);
            if (error === undefined) {
              expect(there && sha256(there)).toBe(sha256(small));
              right++;
            } else {
              expect(error).toBeInstanceOf(HubError);
              expect(there === undefined).toBe(true);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(right).toBeGreaterThan(20);
  });
});
