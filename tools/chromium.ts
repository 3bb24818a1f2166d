import { existsSync } from "node:fs";

/** Where the browser tests look for Chromium: `TESSERA_CHROMIUM`, else where Debian installs it. */
export function chromiumPath(): string {
  return process.env.TESSERA_CHROMIUM ?? "/usr/bin/chromium";
}

export function hasChromium(): boolean {
  return existsSync(chromiumPath());
}
