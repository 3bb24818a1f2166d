/** A file at a URL: read with range requests if the server supports them, else downloaded completely. */
import { CheckpointError } from "../error.ts";
import { type ByteSource, checkRange, memorySource } from "./source.ts";

export interface HttpOptions {
  /** Sent with every request, for example `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch;
}

// The first request also fetches this much, enough for most headers.
const HEAD = 64 * 1024;

/**
 * @throws CheckpointError on any status other than 200 and 206, and if the file changes between reads
 */
export async function httpSource(url: string | URL, options: HttpOptions = {}): Promise<ByteSource> {
  const name = String(url);
  const get = async (first: number, last?: number): Promise<Response> => {
    const range: Record<string, string> = last === undefined ? {} : { Range: `bytes=${first}-${last}` };
    const response = await (options.fetch ?? fetch)(url, { headers: { ...options.headers, ...range } });
    if (response.ok) return response;
    await response.body?.cancel();
    throw new CheckpointError(`${name}: HTTP ${response.status} ${response.statusText}`.trimEnd());
  };

  const start = await get(0, HEAD - 1);
  const range = contentRange(start);
  if (range === undefined) {
    // On a cross-origin request, the browser may hide Content-Range from us despite status 206.
    const whole = start.status === 206 ? await get(0) : start;
    return memorySource(new Uint8Array(await whole.arrayBuffer()), name);
  }
  const head = new Uint8Array(await start.arrayBuffer());
  if (range.first !== 0 || head.byteLength !== Math.min(HEAD, range.size))
    throw new CheckpointError(`${name}: the server sent a different range from the one requested`);
  const etag = start.headers.get("etag");

  const source: ByteSource = {
    name,
    size: range.size,
    async read(offset, length) {
      checkRange(source, offset, length);
      if (offset + length <= head.byteLength) return head.slice(offset, offset + length);
      const response = await get(offset, offset + length - 1);
      const got = contentRange(response);
      if (response.headers.get("etag") !== etag || (got && got.size !== range.size)) {
        await response.body?.cancel();
        throw new CheckpointError(`${name}: the file changed while it was being read`);
      }
      const bytes = got?.first === offset ? new Uint8Array(await response.arrayBuffer()) : undefined;
      if (bytes?.byteLength !== length)
        throw new CheckpointError(`${name}: the server sent a different range from the one requested`);
      return bytes;
    },
    close: async () => {},
  };
  return source;
}

/** Parses the first byte and total size from `Content-Range: bytes 0-99/1234`. */
function contentRange(response: Response): { first: number; size: number } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  return response.status === 206 && match ? { first: Number(match[1]), size: Number(match[2]) } : undefined;
}
