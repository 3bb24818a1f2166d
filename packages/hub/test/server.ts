import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on 127.0.0.1 with scripted responses: the n-th request of a path gets its n-th behaviour. */
export class TestServer {
  readonly requests: IncomingMessage[] = [];
  private readonly scripts = new Map<string, Behaviour[]>();
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      this.requests.push(request);
      const script = this.scripts.get(new URL(request.url!, "http://x").pathname);
      const behaviour = script && script.length > 1 ? script.shift() : script?.[0];
      (behaviour ?? status(404))(request, response);
    });
  }

  async listen(): Promise<void> {
    // A proxy or mirror set in the environment would divert requests from this server.
    for (const name of Object.keys(process.env))
      if (/^(https?_proxy|tessera_(hub|offline))$/i.test(name)) delete process.env[name];
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The last behaviour answers all further requests. */
  on(path: string, ...behaviours: Behaviour[]): string {
    this.scripts.set(path, behaviours);
    return this.origin + path;
  }

  reset(): void {
    this.requests.length = 0;
    this.scripts.clear();
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

export interface FileOptions {
  etag?: string;
  lastModified?: string;
  /** Ignore `Range`. */
  noRange?: boolean;
  /** Ignore `If-Range`: send the range even if the file has changed. */
  noIfRange?: boolean;
  /** Drop the connection after this many bytes of the body. */
  dropAfter?: number;
  /** Awaited before the drop: a client that sees the drop at once may lose bytes it has received. */
  dropWhen?: () => Promise<void>;
  /** Stop sending after this many bytes, but leave the connection open. */
  stallAfter?: number;
  /** Awaited before the last piece. */
  lastWhen?: () => Promise<unknown>;
  /** ms between pieces of `piece` bytes */
  pause?: number;
  piece?: number;
  headers?: Record<string, string>;
}

/** Serves bytes like a well-behaved static server, except for what the options break. */
export function file(content: Uint8Array, options: FileOptions = {}): Behaviour {
  return (request, response) => {
    const { etag, lastModified } = options;
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? Number.NaN);
    const condition = request.headers["if-range"];
    const holds =
      options.noIfRange || condition === undefined || condition === etag || condition === lastModified;
    const part = !Number.isNaN(start) && !options.noRange && holds;
    const validators = { ...(etag && { etag }), ...(lastModified && { "last-modified": lastModified }) };
    if (part && start >= content.length) {
      response.writeHead(416, { "content-range": `bytes */${content.length}`, ...validators }).end();
      return;
    }
    const body = part ? content.subarray(start) : content;
    response.writeHead(part ? 206 : 200, {
      "content-length": String(body.length),
      ...(part && { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` }),
      ...validators,
      ...options.headers,
    });
    send(response, body, options).catch(() => response.destroy());
  };
}

async function send(response: ServerResponse, body: Uint8Array, options: FileOptions): Promise<void> {
  const most = Math.min(options.dropAfter ?? body.length, options.stallAfter ?? body.length);
  const piece = options.piece ?? 64 * 1024;
  response.flushHeaders();
  for (let at = 0; at < most; at += piece) {
    if (options.pause) await new Promise((done) => setTimeout(done, options.pause));
    if (at + piece >= most) await options.lastWhen?.();
    if (response.destroyed) return;
    await new Promise((done) => response.write(body.subarray(at, Math.min(at + piece, most)), done));
  }
  if (options.stallAfter !== undefined) return;
  if (most < body.length) {
    await options.dropWhen?.();
    response.destroy();
  } else response.end();
}

export function status(code: number, headers: Record<string, string> = {}, body = ""): Behaviour {
  return (_request, response) => {
    response.writeHead(code, headers).end(body);
  };
}

export function redirect(to: string, headers: Record<string, string> = {}): Behaviour {
  return status(302, { location: to, ...headers });
}

/** The bytes without a length: `Transfer-Encoding: chunked`. */
export function chunked(content: Uint8Array, headers: Record<string, string> = {}): Behaviour {
  return (_request, response) => {
    response.writeHead(200, headers);
    response.write(content);
    response.end();
  };
}
