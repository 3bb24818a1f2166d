/** Addresses: `#/` is home, `#/train/RECIPE` trains, `#/COMMAND/…` is a system. */
import { signal } from "@preact/signals";

export interface Route {
  /** A system's command or "train"; empty on the home page. */
  readonly page: string;
  /** The rest of the address: a view within the page, and what it shows. */
  readonly path: readonly string[];
}

/** Views of classification that were once at the top level. */
const MOVED = new Set(["inside", "lineage"]);

export const route = signal<Route>(current());

addEventListener("hashchange", () => {
  route.value = current();
  scrollTo(0, 0);
});

function current(): Route {
  const parts = location.hash.replace(/^#\/?/, "").split("/");
  if (MOVED.has(parts[0]!)) {
    parts.unshift("classify");
    history.replaceState(null, "", `#/${parts.join("/")}`);
  }
  const [page = "", ...path] = parts.filter(Boolean).map(decoded);
  return { page, path };
}

/** A truncated escape stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function hrefOf(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}
