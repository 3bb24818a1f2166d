import { existsSync } from "node:fs";

/** The Chromium for browser tests: `TESSERA_CHROMIUM`, else where Debian installs it. */
export function chromiumPath(): string {
  return process.env.TESSERA_CHROMIUM ?? "/usr/bin/chromium";
}

export function hasChromium(): boolean {
  return existsSync(chromiumPath());
}
