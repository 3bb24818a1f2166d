import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/**
 * The command `tessera` as it is published: what `npm run build` made, in a `node_modules` of its own, where packages
 * find each other's published form and not the sources of the workspace. It is gone when the process ends.
 */
export function publishedCommand(): string {
  mkdirSync(join(root, "node_modules", ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, "node_modules", ".cache", "tessera-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const name of readdirSync(join(root, "packages"))) {
    const dist = join(root, "packages", name, "dist");
    if (!existsSync(join(dist, "package.json"))) throw new Error(`${dist}: run \`npm run build\` first`);
    cpSync(dist, join(folder, "node_modules", "@tessera-ml", name), {
      recursive: true,
      // Neither the studio's page nor the shipped checkpoints: they are large and not needed.
      filter: (path) => !["dist-app", "checkpoints"].includes(basename(path)),
    });
  }
  return join(folder, "node_modules", "@tessera-ml", "cli", "bin", "tessera.js");
}
