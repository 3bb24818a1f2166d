import type { Readable } from "node:stream";
import { HubError } from "../error.ts";
import type { Expectation } from "../verify.ts";

/** What a server said. The body is as sent: no content coding is undone. */
export interface Reply {
  status: number;
  /** names in lower case; of a repeated header, the first */
  headers: Record<string, string | undefined>;
  body: Readable;
  /** What the server itself says of the file: Hugging Face sends its SHA-256 and size before it redirects. */
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

/** Hugging Face's headers for files in large storage; the tag of a small file is another kind of hash. */
function announcedBy(headers: Record<string, string | undefined>): Expectation {
  const sha256 = /^"([0-9a-f]{64})"$/.exec(headers["x-linked-etag"] ?? "")?.[1];
  if (sha256 === undefined) return {};
  const size = Number(headers["x-linked-size"]);
  return { sha256, size: Number.isSafeInteger(size) && size > 0 ? size : undefined };
}

/** Where a redirect leads; never from https to http, never to another protocol. */
export function redirectTarget(location: string | undefined, from: string): string {
  if (location === undefined || !URL.canParse(location, from)) {
    throw new HubError("refused", `${from}: redirected to ${JSON.stringify(location)}, which is no address`);
  }
  const to = new URL(location, from);
  if (to.protocol !== "https:" && !(to.protocol === "http:" && from.startsWith("http:"))) {
    throw new HubError(
      "refused",
      `${from}: redirected to ${to.origin}, which is less safe than https; not followed`,
    );
  }
  return to.href;
}

/**
 * undici's plain `request` instead of `fetch`: `fetch` undoes content codings before anybody can look at them, and
 * a `.gz` file that a server labels `Content-Encoding: gzip` would arrive as another file.
 * Proxies are taken from the environment. A connection silent for `timeout` ms is given up.
 * undici is loaded here: a program that finds its files on this machine starts without its hundred modules.
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
    // Not `close`: it would wait for a body nobody reads any more.
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
