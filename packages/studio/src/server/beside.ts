import module from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** The package's folder; what is published has the modules right in it, without `src`. */
export const packageFolder: string = dirname(module.findPackageJSON(import.meta.url) as string);

/** A script of this package for a thread or process of its own: TypeScript here, JavaScript in the published form. */
export function scriptUrl(name: "server/inference/worker" | "server/training/child"): URL {
  const file = import.meta.url.endsWith(".ts") ? `src/${name}.ts` : `${name}.js`;
  return pathToFileURL(join(packageFolder, file));
}
