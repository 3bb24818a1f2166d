/** The web app as files: built by Vite when it is missing or older than its sources. */
import { existsSync } from "node:fs";
import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { withFileLock } from "@tessera-ml/hub";
import { packageFolder as folder } from "./beside.ts";

/** The folder with the built page. Says on the terminal that it builds, as that takes seconds. */
export async function webApp(): Promise<string> {
  const built = join(folder, "dist-app");
  const config = join(folder, "vite.config.ts");
  const page = join(built, "index.html");
  if (!existsSync(config)) {
    if (existsSync(page)) return built;
    throw new Error(`${page}: the studio's page is missing, and so is what it is built from`);
  }
  // Of studios that start at once, one builds.
  if (!(await isFresh(page)))
    await withFileLock(`${built}.lock`, {}, async () => {
      if (!(await isFresh(page))) await buildPage(built, config);
    });
  return built;
}

async function buildPage(built: string, config: string): Promise<void> {
  console.error("The studio's page is built; this happens once, and when its sources change …");
  const started = new Date();
  const { build } = await import("vite");
  // Built elsewhere and then exchanged: another studio may be serving the old page.
  const outDir = `${built}.${process.pid}.tmp`;
  // How long the builder's own parts took is nothing for the people who start a studio.
  const rolldownOptions = { checks: { pluginTimings: false } };
  try {
    await build({ configFile: config, logLevel: "warn", build: { outDir, rolldownOptions } });
    // What changed while it was built is not in it.
    await utimes(join(outDir, "index.html"), started, started);
    await rm(built, { recursive: true, force: true });
    await rename(outDir, built);
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
  console.error(`… done in ${((Date.now() - started.getTime()) / 1000).toFixed(1)} s.`);
}

/** Whether the page is newer than everything it is made of: the app, the API, and the packages it computes with. */
async function isFresh(page: string): Promise<boolean> {
  const made = (await stat(page).catch(() => undefined))?.mtimeMs;
  if (made === undefined) return false;
  const packages = (await readdir(join(folder, "..")))
    .filter((name) => name !== "studio" && name !== "cli")
    .map((name) => join(folder, "..", name, "src"));
  const own = ["app", "api", "answers"].map((name) => join(folder, "src", name));
  const sources = [...own, ...packages];
  const single = ["index.html", "vite.config.ts", "package.json"].map((name) => join(folder, name));
  const newest = await Promise.all([...sources.map(newestIn), ...single.map(changed)]);
  return made > Math.max(...newest);
}

async function newestIn(root: string): Promise<number> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Math.max(
    0,
    ...(await Promise.all(files.map(({ parentPath, name }) => changed(join(parentPath, name))))),
  );
}

async function changed(path: string): Promise<number> {
  return (await stat(path)).mtimeMs;
}
