import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/**
 * The command `tessera` as published: the output of `npm run build`, copied to a separate `node_modules`, where
 * packages resolve to each other's published form instead of the workspace sources.
 */
export function publishedCommand(): string {
  const folder = join(root, "node_modules", ".cache", "tessera-bench");
  rmSync(folder, { recursive: true, force: true });
  for (const name of readdirSync(join(root, "packages"))) {
    const dist = join(root, "packages", name, "dist");
    if (!existsSync(join(dist, "package.json"))) throw new Error(`${dist}: run \`npm run build\` first`);
    cpSync(dist, join(folder, "node_modules", "@tessera-ml", name), {
      recursive: true,
      // Skips the studio's page and the bundled checkpoints, which are large and not needed.
      filter: (path) => path !== join(dist, "dist-app") && path !== join(dist, "checkpoints"),
    });
  }
  return join(folder, "node_modules", "@tessera-ml", "cli", "bin", "tessera.js");
}
