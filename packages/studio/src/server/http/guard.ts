/** Access control: this machine's pages and programs may use the server, pages of other sites may not. */
import { hostname } from "node:os";
import type { MiddlewareHandler } from "hono";
import { ApiError } from "../../api/index.ts";

/**
 * Rejects requests with a foreign host name, because a site could point its own name at this machine and so share the
 * studio's origin (DNS rebinding), and all requests from pages of other sites except GET and HEAD.
 */
export function guard(allowedHosts: readonly string[]): MiddlewareHandler {
  const allowed = new Set([hostname(), ...allowedHosts].map((name) => name.toLowerCase()));
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    if (!isOurs(host, allowed))
      throw new ApiError("forbidden", `Host: ${JSON.stringify(host)} is not a name of this server`, "Host");
    const origin = c.req.header("origin");
    const safe = c.req.method === "GET" || c.req.method === "HEAD";
    if (!safe && (isForeign(origin, host) || c.req.header("sec-fetch-site") === "cross-site"))
      throw new ApiError("forbidden", `${origin ?? "another site"} may not use this server`, "Origin");
    await next();
  };
}

/** IP addresses are safe: unlike names, they cannot be rebound. */
function isOurs(host: string, allowed: ReadonlySet<string>): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const isAddress = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name) || /^\[[\da-f:.]+\]$/.test(name);
  return isAddress || name === "localhost" || name.endsWith(".localhost") || allowed.has(name);
}

function isForeign(origin: string | undefined, host: string): boolean {
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase();
}

/** Isolates the page from other origins, which WebAssembly needs for threads. */
export function headers(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const set = (name: string, value: string) => c.res.headers.set(name, value);
    set("Cross-Origin-Opener-Policy", "same-origin");
    set("Cross-Origin-Embedder-Policy", "require-corp");
    set("Cross-Origin-Resource-Policy", "same-origin");
    set("X-Content-Type-Options", "nosniff");
    set("Referrer-Policy", "no-referrer");
    if (!c.res.headers.has("Cache-Control")) set("Cache-Control", "no-store");
  };
}
