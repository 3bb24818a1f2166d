import { mkdir, rename } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { isOffline, mirrored } from "./environment.ts";
import { HubError } from "./error.ts";
import { asDiskError, formatBytes, statFile } from "./files.ts";
import { withFileLock } from "./lock.ts";
import { Meter, type ReportProgress } from "./progress.ts";
import { belongsToFile, decodeFile } from "./transfer/encoded.ts";
import { type Client, createClient } from "./transfer/http.ts";
import { PartialFile } from "./transfer/partial.ts";
import { transfer } from "./transfer/transfer.ts";
import {
  acceptFile,
  type Expectation,
  hasChecksum,
  type Verified,
  verifyFile,
  writeMarker,
} from "./verify.ts";

export interface DownloadOptions extends Expectation {
  /** Other URLs of the same file, tried in order if the first one fails. */
  mirrors?: readonly string[] | undefined;
  progress?: ReportProgress | undefined;
  signal?: AbortSignal | undefined;
  /** Consecutive failures tolerated for each URL; an attempt that makes progress resets the count. Default 5. */
  retries?: number | undefined;
  /** ms of silence after which a connection is dropped. Default 30,000. */
  timeout?: number | undefined;
  /** ms before the first retry, doubled for each subsequent one. Default 500. */
  backOff?: number | undefined;
}

export interface Downloaded extends Verified {
  path: string;
  /** False if the file was already there. */
  fetched: boolean;
}

/**
 * Downloads `url` to the file `target` and verifies it, or throws without creating `target`.
 *
 * The bytes go to `target.partial`, which survives a broken connection or a killed process and is resumed (HTTP
 * `Range` with `If-Range`) if a mix of two versions would be detected. The finished file is checked against its size
 * and SHA-256, then renamed to `target`. Without a given checksum, the one the server announces (Hugging Face does) is
 * used. An existing `target` is kept if it verifies and replaced if it does not. If several processes want the same
 * file, one downloads it and the others wait.
 *
 * Honours `TESSERA_HUB`, `TESSERA_OFFLINE` and the proxy variables (see environment.ts).
 * Throws {@link HubError}: `offline`, `unreachable`, `not-found`, `refused`, `server`, `size`, `checksum`, `disk`.
 */
export async function download(
  url: string,
  target: string,
  options: DownloadOptions = {},
): Promise<Downloaded> {
  const sources = [...new Set([url, ...(options.mirrors ?? [])].map(checkedUrl).map(mirrored))];
  const there = await existing(target, options);
  if (there) return there;
  if (isOffline()) {
    throw new HubError(
      "offline",
      `${basename(target)}: not on this machine, and TESSERA_OFFLINE is set.\n${byHand(url, target, options)}`,
    );
  }
  await mkdir(dirname(target), { recursive: true }).catch((error) => {
    throw asDiskError(error, dirname(target));
  });
  const meter = new Meter(basename(target), options.progress);
  const onWait = () => meter.begin("waiting", 0, options.size);
  return await withFileLock(`${target}.lock`, { signal: options.signal, onWait }, async () => {
    const client = await createClient(options.timeout ?? 30_000);
    try {
      // The previous holder of the lock may have fetched it.
      return (
        (await existing(target, options)) ??
        (await fetchFromAny(sources, { url, target, options, client, meter }))
      );
    } finally {
      await client.close();
    }
  });
}

function checkedUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new HubError("refused", `expected an http or https URL, got ${JSON.stringify(url)}`);
  }
  return url;
}

async function existing(target: string, expected: DownloadOptions): Promise<Downloaded | undefined> {
  if (!(await statFile(target))) return undefined;
  try {
    const verified = await acceptFile(target, expected, { signal: expected.signal, mark: true });
    return { ...verified, path: target, fetched: false };
  } catch (error) {
    if (error instanceof HubError) return undefined;
    throw error;
  }
}

interface Job {
  url: string;
  target: string;
  options: DownloadOptions;
  client: Client;
  meter: Meter;
}

async function fetchFromAny(sources: readonly string[], job: Job): Promise<Downloaded> {
  const errors: HubError[] = [];
  for (const source of sources) {
    try {
      return { ...(await fetchFrom(source, job)), path: job.target, fetched: true };
    } catch (error) {
      // A full disk is full for every mirror.
      if (!(error instanceof HubError) || error.code === "disk") throw error;
      errors.push(error);
    }
  }
  const last = errors.at(-1)!;
  const said = errors.map((error) => error.message).join("\n");
  const help = last.code === "unreachable" ? `\n${byHand(job.url, job.target, job.options)}` : "";
  throw new HubError(last.code, said + help, { cause: last });
}

async function fetchFrom(source: string, job: Job, again = false): Promise<Verified> {
  const { target, options, client, meter } = job;
  const partial = new PartialFile(target);
  const given: Expectation = { size: options.size, sha256: options.sha256, shaPrefix: options.shaPrefix };
  const { announced, coding, resumed } = await transfer(source, partial, {
    client,
    meter,
    expected: given,
    signal: options.signal,
    retries: options.retries ?? 5,
    backOffBase: options.backOff ?? 500,
  });
  const expected = hasChecksum(given) ? given : { ...announced, size: given.size ?? announced.size };
  let verified: Verified;
  try {
    verified = await verifyReceived(partial, expected, coding, source, job);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    await partial.discard();
    // The bytes of an earlier attempt may be to blame: start over once.
    if (resumed && !again) return await fetchFrom(source, job, true);
    throw error;
  }
  await rename(partial.path, target).catch((error) => {
    throw asDiskError(error, target);
  });
  await partial.forgetOrigin();
  await writeMarker(target, verified);
  return verified;
}

/** Verifies the bytes as received or, if the server applied a content coding we did not ask for, as decoded. */
async function verifyReceived(
  partial: PartialFile,
  expected: Expectation,
  coding: string | undefined,
  source: string,
  { target, options, meter }: Job,
): Promise<Verified> {
  meter.begin("verifying", 0, await partial.size());
  const how = { what: source, signal: options.signal, onBytes: meter.add };
  if (coding) {
    const known = expected.size !== undefined || hasChecksum(expected);
    const asSent = known ? await verifyFile(partial.path, expected, how).catch(onlyHubErrors) : undefined;
    if (asSent) return asSent;
    if (known || !belongsToFile(coding, target)) {
      await decodeFile(partial.path, coding, expected.size, source);
      meter.begin("verifying", 0, await partial.size());
    }
  }
  const verified = await verifyFile(partial.path, expected, how);
  meter.end();
  return verified;
}

function onlyHubErrors(error: unknown): undefined {
  if (!(error instanceof HubError)) throw error;
}

/** Instructions for a user without a network. */
export function byHand(url: string, target: string, expected: Expectation = {}): string {
  const sha = expected.sha256 ?? (expected.shaPrefix && `${expected.shaPrefix}…`);
  const known = [
    expected.size !== undefined && formatBytes(expected.size),
    sha !== undefined && `SHA-256 ${sha}`,
  ].filter(Boolean);
  return [
    "To add it by hand, download it on a machine with network access from",
    `  ${url}${known.length > 0 ? `  (${known.join(", ")})` : ""}`,
    "and save it as",
    `  ${target}`,
    "It is verified on first use. Alternatively, set TESSERA_HUB to the base URL of a mirror, HTTPS_PROXY to a proxy,",
    "or TESSERA_CACHE to a cache filled by another machine.",
  ].join("\n");
}
