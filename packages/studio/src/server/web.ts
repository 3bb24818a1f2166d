/** The web app's files, built by Vite if they are missing or older than their sources. */
import { existsSync } from "node:fs";
import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { withFileLock } from "@tessera-ml/hub";
import { packageFolder as folder } from "./beside.ts";

/** The folder of the built page. Announces a build on the terminal, as it takes seconds. */
export async function webApp(): Promise<string> {
  const built = join(folder, "dist-app");
  const config = join(folder, "vite.config.ts");
  const page = join(built, "index.html");
  if (!existsSync(config)) {
    if (existsSync(page)) return built;
    throw new Error(`${page}: the studio's page is missing, and so are its sources`);
  }
  // If several studios start at once, one builds.
  if (!(await isFresh(page)))
    await withFileLock(`${built}.lock`, {}, async () => {
      if (!(await isFresh(page))) await buildPage(built, config);
    });
  return built;
}

async function buildPage(built: string, config: string): Promise<void> {
  console.error("Building the studio's page; this happens once, and when its sources change …");
  const started = new Date();
  const { build } = await import("vite");
  // Built in another folder and swapped in: another studio may be serving the old page.
  const outDir = `${built}.${process.pid}.tmp`;
  // Timings of build plugins would only be noise here.
  const rolldownOptions = { checks: { pluginTimings: false } };
  try {
    await build({ configFile: config, logLevel: "warn", build: { outDir, rolldownOptions } });
    // Sources that changed during the build are newer than the page.
    await utimes(join(outDir, "index.html"), started, started);
    await rm(built, { recursive: true, force: true });
    await rename(outDir, built);
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
  console.error(`… done in ${((Date.now() - started.getTime()) / 1000).toFixed(1)} s.`);
}

/** Whether the page is newer than its sources: the app, the API, and the packages it runs. */
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
