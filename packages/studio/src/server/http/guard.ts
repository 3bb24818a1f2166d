/** Who may ask: this machine's own pages and programs, not the pages of other sites. */
import { hostname } from "node:os";
import type { MiddlewareHandler } from "hono";
import { ApiError } from "../../api/index.ts";

/**
 * Refuses requests that were sent to a foreign name (a site that lets its own name point at this machine
 * would otherwise be of the same origin as the studio), and whatever changes or computes something for the
 * page of another site.
 */
export function guard(allowedHosts: readonly string[]): MiddlewareHandler {
  const allowed = new Set([hostname(), ...allowedHosts].map((name) => name.toLowerCase()));
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    if (!isOurs(host, allowed))
      throw new ApiError("forbidden", `Host: ${JSON.stringify(host)} is no name of this server`, "Host");
    const origin = c.req.header("origin");
    const safe = c.req.method === "GET" || c.req.method === "HEAD";
    if (!safe && (isForeign(origin, host) || c.req.header("sec-fetch-site") === "cross-site"))
      throw new ApiError("forbidden", `${origin ?? "another site"} may not use this server`, "Origin");
    await next();
  };
}

/** Numbers cannot be pointed elsewhere as names can. */
function isOurs(host: string, allowed: ReadonlySet<string>): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const isAddress = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name) || /^\[[\da-f:.]+\]$/.test(name);
  return isAddress || name === "localhost" || name.endsWith(".localhost") || allowed.has(name);
}

function isForeign(origin: string | undefined, host: string): boolean {
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase();
}

/** WebAssembly has threads only in pages that are isolated from other sites' windows and files. */
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
