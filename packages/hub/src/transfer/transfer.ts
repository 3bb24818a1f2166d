import { open, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { HubError } from "../error.ts";
import { asDiskError, formatBytes } from "../files.ts";
import type { Meter } from "../progress.ts";
import type { Expectation } from "../verify.ts";
import { contentCoding } from "./encoded.ts";
import { type Client, parseContentRange, type Reply } from "./http.ts";
import { type Continuation, continuation, type PartialFile } from "./partial.ts";
import { backOff, Fault, networkFault, statusFault } from "./retry.ts";

export interface TransferOptions {
  client: Client;
  meter: Meter;
  expected: Expectation;
  signal: AbortSignal | undefined;
  /** consecutive failures tolerated */
  retries: number;
  /** ms before the first retry */
  backOffBase: number;
}

/** What is known about the bytes in the partial file once the transfer is complete. */
export interface Transferred {
  /** What the server announced; used if nothing else is known about the file. */
  announced: Expectation;
  /** The content coding the bytes are still in. */
  coding: string | undefined;
  /** Whether some of the bytes come from an earlier attempt. */
  resumed: boolean;
}

/** An attempt that gained this many bytes resets the failure count, so that large files survive a poor connection. */
const progressStep = 64 * 1024;
const longestWait = 60_000;

/**
 * Fetches `url` into `partial`, resuming from its current content, until the server has sent everything it announced.
 * The caller verifies the result.
 */
export async function transfer(
  url: string,
  partial: PartialFile,
  options: TransferOptions,
): Promise<Transferred> {
  let failures = 0;
  let furthest = await partial.size();
  let resumed = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const from = continuation(await partial.size(), await partial.origin(), url, options.expected);
    resumed ||= from.offset > 0;
    try {
      const done = await attempt(url, partial, from, options);
      return { ...done, resumed: resumed && done.continued };
    } catch (error) {
      options.signal?.throwIfAborted();
      const fault = networkFault(error, url);
      if (!(fault instanceof Fault)) throw fault;
      const size = await partial.size();
      if (size >= furthest + progressStep) failures = 0;
      furthest = Math.max(furthest, size);
      failures++;
      const allowed = fault.kind === "unreachable" ? Math.min(1, options.retries) : options.retries;
      if (failures > allowed || (fault.retryAfter ?? 0) > longestWait)
        throw await givenUp(fault, url, partial);
      if (fault.kind === "restart") await partial.discard();
      else {
        const wait = Math.max(backOff(failures, options.backOffBase), fault.retryAfter ?? 0);
        await sleep(wait, undefined, { signal: options.signal });
      }
    }
  }
}

async function givenUp(fault: Fault, url: string, partial: PartialFile): Promise<HubError> {
  const kept = await partial.size();
  const hint = kept > 0 ? `; kept ${formatBytes(kept)}, the next attempt resumes from there` : "";
  const wait =
    fault.retryAfter !== undefined ? `; it asks us to wait ${Math.ceil(fault.retryAfter / 1000)} s` : "";
  const place = fault.message.includes(url) ? "" : `${url}: `;
  const code = fault.kind === "unreachable" ? "unreachable" : "server";
  return new HubError(code, `${place}${fault.message}${wait}${hint}`, { cause: fault });
}

async function attempt(
  url: string,
  partial: PartialFile,
  from: Continuation,
  { client, meter, expected, signal }: TransferOptions,
): Promise<Omit<Transferred, "resumed"> & { continued: boolean }> {
  const headers: Record<string, string> = {};
  if (from.offset > 0) {
    if (from.offset === expected.size) return { announced: {}, coding: undefined, continued: true };
    headers.range = `bytes=${from.offset}-`;
    if (from.ifRange) headers["if-range"] = from.ifRange;
  }
  const reply = await client.get(url, headers, signal);
  try {
    if (reply.status === 416 && from.offset > 0) {
      // Range not satisfiable: either we already have everything, or the file has changed.
      const { total } = parseContentRange(reply.headers["content-range"]);
      if (total === from.offset && (expected.size ?? total) === total) {
        return { announced: reply.announced, coding: undefined, continued: true };
      }
      throw new Fault(
        "restart",
        `${url}: the server's file ends before byte ${from.offset}, where we resume`,
      );
    }
    const { start, total, coding } = readHeaders(reply, from, expected, url);
    if (total !== undefined) await checkSpace(partial.path, total - start, coding);
    // Discard before writing the new origin: old bytes must never be paired with a new validator.
    if (start === 0) await partial.discard();
    const { etag, "last-modified": lastModified } = reply.headers;
    await partial.setOrigin({ url, etag, lastModified, total, coded: coding !== undefined });
    meter.begin("downloading", start, total ?? expected.size);
    const most = total ?? (coding ? undefined : expected.size);
    await writeBody(reply.body, partial.path, start, most, url, meter).catch(async (error) => {
      // Keep the bytes if the connection broke, but not if this is the wrong file.
      if (error instanceof HubError && error.code === "size") await partial.discard();
      throw error;
    });
    meter.end();
    return { announced: reply.announced, coding, continued: start > 0 };
  } finally {
    reply.body.on("error", () => {}).destroy();
  }
}

/** What the response contains: the offset of its first byte, the total size of the file, its coding. */
function readHeaders(
  reply: Reply,
  from: Continuation,
  expected: Expectation,
  url: string,
): { start: number; total: number | undefined; coding: string | undefined } {
  const { headers, status } = reply;
  const coding = contentCoding(headers["content-encoding"]);
  const length = headers["content-length"] === undefined ? undefined : Number(headers["content-length"]);
  let start = 0;
  let total = length;
  if (status === 206) {
    const range = parseContentRange(headers["content-range"]);
    const changed = from.etag !== undefined && headers.etag !== undefined && headers.etag !== from.etag;
    if (from.offset === 0)
      throw new HubError("refused", `${url}: requested the whole file, the server sent a part of it`);
    if (range.start !== from.offset || changed || coding) {
      throw new Fault("restart", `${url}: the server sent a different range from the one requested`);
    }
    start = from.offset;
    total = range.total ?? (length === undefined ? undefined : start + length);
  } else if (status !== 200) {
    throw statusFault(status, headers["retry-after"], url);
  }
  const size = expected.size ?? reply.announced.size;
  if (size !== undefined && total !== undefined && total !== size && !coding) {
    throw new HubError("size", `${url}: expected ${size} bytes, the server offers ${total}`);
  }
  // The login page of a captive portal or proxy. With a known checksum or size, verification gives a better message.
  const known = expected.size ?? expected.sha256 ?? expected.shaPrefix;
  if (known === undefined && /^text\/html/i.test(headers["content-type"] ?? "") && !/\.html?$/i.test(url)) {
    throw new HubError("refused", `${url}: the server sent a web page instead of the file`);
  }
  return { start, total, coding };
}

async function checkSpace(path: string, needed: number, coding: string | undefined): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  if (coding || bavail * bsize >= needed) return;
  throw new HubError(
    "disk",
    `${path}: needs ${formatBytes(needed)}, the disk has ${formatBytes(bavail * bsize)} left. ` +
      "Free some space, or point TESSERA_CACHE at a folder on another disk.",
  );
}

async function writeBody(
  body: Readable,
  path: string,
  start: number,
  total: number | undefined,
  url: string,
  meter: Meter,
): Promise<void> {
  const onDisk = (error: unknown): never => {
    throw asDiskError(error, path);
  };
  let position = start;
  const file = await open(path, start > 0 ? "r+" : "w").catch(onDisk);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (total !== undefined && position + chunk.length > total) {
        throw new HubError("size", `${url}: expected ${total} bytes, the server sent more`);
      }
      // A single call may write less than it was given, for example when the disk fills up.
      for (let written = 0; written < chunk.length; ) {
        const rest = chunk.length - written;
        written += (await file.write(chunk, written, rest, position + written).catch(onDisk)).bytesWritten;
      }
      position += chunk.length;
      meter.add(chunk.length);
    }
    await file.sync().catch(onDisk);
  } finally {
    await file.close();
  }
  if (total !== undefined && position < total) {
    throw new Fault("passing", `${url}: the connection ended at ${position} of ${total} bytes`);
  }
}
