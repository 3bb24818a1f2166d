import module from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** The package's folder. The published package has its modules there, without `src`. */
export const packageFolder: string = dirname(module.findPackageJSON(import.meta.url) as string);

/** The entry point of a worker thread or child process: TypeScript in a checkout, JavaScript in the published package. */
export function scriptUrl(name: "server/inference/worker" | "server/training/child"): URL {
  const file = import.meta.url.endsWith(".ts") ? `src/${name}.ts` : `${name}.js`;
  return pathToFileURL(join(packageFolder, file));
}
