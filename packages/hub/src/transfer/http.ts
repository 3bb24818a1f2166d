import type { Readable } from "node:stream";
import { HubError } from "../error.ts";
import type { Expectation } from "../verify.ts";

/** An HTTP response. The body is as sent, with no content coding undone. */
export interface Reply {
  status: number;
  /** lower-case names; the first value of a repeated header */
  headers: Record<string, string | undefined>;
  body: Readable;
  /** What the server says about the file: Hugging Face sends its SHA-256 and size with the redirect. */
  announced: Expectation;
}

export interface Client {
  get(url: string, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<Reply>;
  close(): Promise<void>;
}

const redirects = new Set([301, 302, 303, 307, 308]);
const mostRedirects = 10;

function firstOfEach(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()[0]]));
}

/** Hugging Face's headers for files in LFS storage. A small file's tag is not a SHA-256 and is ignored. */
function announcedBy(headers: Record<string, string | undefined>): Expectation {
  const sha256 = /^"([0-9a-f]{64})"$/.exec(headers["x-linked-etag"] ?? "")?.[1];
  if (sha256 === undefined) return {};
  const size = Number(headers["x-linked-size"]);
  return { sha256, size: Number.isSafeInteger(size) && size > 0 ? size : undefined };
}

/** The URL a redirect points to. Throws `refused` for a downgrade from https to http or for any other protocol. */
export function redirectTarget(location: string | undefined, from: string): string {
  if (location === undefined || !URL.canParse(location, from)) {
    throw new HubError("refused", `${from}: redirected to ${JSON.stringify(location)}, not a valid URL`);
  }
  const to = new URL(location, from);
  if (to.protocol !== "https:" && !(to.protocol === "http:" && from.startsWith("http:"))) {
    throw new HubError("refused", `${from}: redirected to ${to.origin}, which is not https; not followed`);
  }
  return to.href;
}

/**
 * An HTTP client that takes its proxies from the environment and drops a connection silent for `timeout` ms.
 *
 * It uses undici's `request` rather than `fetch`, which decodes the body before we can see it and so would corrupt a
 * `.gz` file that the server labels `Content-Encoding: gzip`. undici is imported lazily: its hundred modules would
 * slow down programs whose files are already local.
 */
export async function createClient(timeout: number): Promise<Client> {
  const { EnvHttpProxyAgent, request } = await import("undici");
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout },
    headersTimeout: timeout,
    bodyTimeout: timeout,
  });
  return {
    async get(url, headers, signal) {
      let address = url;
      let announced: Expectation = {};
      for (let hop = 0; hop <= mostRedirects; hop++) {
        const response = await request(address, {
          dispatcher,
          signal,
          headers: { "user-agent": "tessera", "accept-encoding": "identity", ...headers },
        });
        const replied = firstOfEach(response.headers);
        announced = { ...announcedBy(replied), ...announced };
        if (!redirects.has(response.statusCode)) {
          return { status: response.statusCode, headers: replied, body: response.body, announced };
        }
        await response.body.dump();
        address = redirectTarget(replied.location, address);
      }
      throw new HubError("refused", `${url}: more than ${mostRedirects} redirects`);
    },
    // Not `close`, which would wait for bodies we no longer read.
    close: () => dispatcher.destroy(),
  };
}

/** `bytes 5-9/10` → { start: 5, total: 10 }; `bytes *\/10` → { total: 10 }. */
export function parseContentRange(value: string | undefined): { start?: number; total?: number } {
  const match = /^bytes\s+(?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(value ?? "");
  if (!match) return {};
  return {
    ...(match[1] !== undefined && { start: Number(match[1]) }),
    ...(match[2] !== "*" && { total: Number(match[2]) }),
  };
}
