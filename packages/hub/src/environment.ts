import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { HubError } from "./error.ts";

/*
 * Environment variables, read at each call so that a program can set them at any time.
 *
 * TESSERA_CACHE    where downloads are kept
 * TESSERA_HUB      base URL of a mirror: replaces scheme and host of every download and keeps the path, so
 *                  https://download.pytorch.org/models/a.pth becomes $TESSERA_HUB/models/a.pth and
 *                  https://huggingface.co/timm/x/resolve/main/y becomes $TESSERA_HUB/timm/x/resolve/main/y
 * TESSERA_OFFLINE  1: never touch the network
 * TESSERA_SHARED   a folder that contains data/, searched before anything is downloaded (default: ../shared)
 * TESSERA_MODELS   the checkpoints that ship with Tessera (default: models/ of the repository, or checkpoints/ of the
 *                  published package)
 * HTTPS_PROXY, HTTP_PROXY, NO_PROXY and NODE_EXTRA_CA_CERTS have their usual meaning.
 */

/** Works from `packages/hub/src` and from `packages/hub/dist`: both are flat and at the same depth. */
const above = resolve(import.meta.dirname, "../../..");
/** Undefined if the package was installed from npm, where the folders above are not ours. */
const repository = existsSync(join(above, "packages", "hub", "package.json")) ? above : undefined;

function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

/**
 * The cache folder: `TESSERA_CACHE`, else `tessera` in the platform's cache directory (`XDG_CACHE_HOME` or `~/.cache`,
 * `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows). It may not exist yet.
 */
export function cacheRoot(): string {
  const { TESSERA_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (TESSERA_CACHE) return resolve(expandHome(TESSERA_CACHE));
  // The XDG specification says to ignore a relative path.
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, "tessera");
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "tessera");
  if (process.platform === "win32") {
    return join(LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "tessera", "Cache");
  }
  return join(homedir(), ".cache", "tessera");
}

/** A file in the shared data folder (`weights/…`, `image/…`), or undefined if it does not exist. */
export function sharedFile(path: string): string | undefined {
  const root = process.env.TESSERA_SHARED || (repository && resolve(repository, "../shared"));
  if (!root) return undefined;
  const file = join(expandHome(root), "data", path);
  return existsSync(file) ? file : undefined;
}

/** The folder of the checkpoints that ship with Tessera. It may not exist. */
export function shippedRoot(): string {
  const { TESSERA_MODELS } = process.env;
  if (TESSERA_MODELS) return resolve(expandHome(TESSERA_MODELS));
  return repository ? join(repository, "models") : join(import.meta.dirname, "checkpoints");
}

export function isOffline(): boolean {
  return /^(1|true|yes|on)$/i.test(process.env.TESSERA_OFFLINE ?? "");
}

/**
 * The URL actually requested: `url` itself, or its counterpart on the mirror `TESSERA_HUB`.
 * Throws `unreachable` if `TESSERA_HUB` is not an http(s) URL.
 */
export function mirrored(url: string): string {
  const base = process.env.TESSERA_HUB;
  if (!base) return url;
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol)) {
    throw new HubError(
      "unreachable",
      `TESSERA_HUB: expected an http or https URL, got ${JSON.stringify(base)}`,
    );
  }
  const { pathname, search } = new URL(url);
  return base.replace(/\/+$/, "") + pathname + search;
}
