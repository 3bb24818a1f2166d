/**
 * `npm run build`: makes of every package the `dist` folder that is published (`npm publish packages/tensor/dist`).
 * Its modules become few files, as a program of hundreds takes long to start; imports of other packages stay.
 * Inside the workspace the packages run from source, and npm cannot exchange `exports` on publishing: the packages
 * are private, and each `dist` gets a public manifest of its own that points at the JavaScript.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { build } from "rolldown";
import { root, run } from "./run.ts";

/** Modules that are started as a thread or a process, beside those that `exports` and `imports` name. */
const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  studio: ["server/inference/worker", "server/training/child"],
};
/** What the studio's page is made of and by: the published one is made already. */
const ONLY_FOR_THE_PAGE: readonly string[] = ["vite", "preact", "@preact/signals"];

const packages = join(root, "packages");
const names = readdirSync(packages);
const distOf = (name: string) => join(packages, name, "dist");

for (const name of names) rmSync(distOf(name), { recursive: true, force: true });
const folders = names.map((name) => join(packages, name));
run(process.execPath, [
  join(root, "node_modules/typescript/bin/tsc"),
  "--build",
  "--emitDeclarationOnly",
  ...folders,
]);
for (const name of names) {
  const manifest = readFileSync(join(packages, name, "package.json"), "utf8");
  const entries = [...manifest.matchAll(/"\.\/src\/(.*)\.ts"/g)].map(([, entry]) => entry as string);
  await bundle(name, [...entries, ...(SCRIPTS[name] ?? [])]);
  const version = publishedManifest(name, manifest);
  rmSync(join(distOf(name), ".tsbuildinfo"));
  for (const extra of ["bin", "README.md"]) {
    const from = join(packages, name, extra);
    if (existsSync(from)) cpSync(from, join(distOf(name), extra), { recursive: true });
  }
  cpSync(join(root, "LICENSE"), join(distOf(name), "LICENSE"));
  console.log(`@tessera-ml/${name} ${version}: ${distOf(name)}`);
}
// `shippedRoot` finds the checkpoints there, and `startStudio` its page, for which it needs no Vite then.
cpSync(join(root, "models"), join(distOf("hub"), "checkpoints"), { recursive: true });
run(process.execPath, [
  join(root, "node_modules/vite/bin/vite.js"),
  "build",
  join(packages, "studio"),
  "--outDir",
  "dist/dist-app",
]);

/** Each entry as a file of its own name, which says nothing of what they share: that lies in files beside. */
async function bundle(name: string, entries: readonly string[]): Promise<void> {
  const source = join(packages, name, "src");
  await build({
    input: Object.fromEntries(entries.map((entry) => [entry, join(source, `${entry}.ts`)])),
    platform: "neutral",
    // Other packages, and by `#runtime` and its like what is chosen where the program runs.
    external: (id) => !id.startsWith(".") && !isAbsolute(id),
    // Layers are shown, and named in messages, by the names of their classes.
    output: { dir: distOf(name), format: "esm", keepNames: true, chunkFileNames: "[name]-[hash].js" },
  });
}

/** Writes the manifest of what is published; its version. */
function publishedManifest(name: string, manifest: string): string {
  const {
    private: _private,
    devDependencies: _forDevelopment,
    dependencies,
    ...kept
  } = JSON.parse(manifest.replaceAll(/"\.\/src\/(.*)\.ts"/g, '"./$1.js"')) as {
    private: true;
    version: string;
    dependencies: Record<string, string>;
    devDependencies?: Record<string, string>;
  };
  const needed = Object.entries(dependencies).filter(([id]) => !ONLY_FOR_THE_PAGE.includes(id));
  const published = {
    ...kept,
    dependencies: Object.fromEntries(needed),
    publishConfig: { access: "public" },
  };
  writeFileSync(join(distOf(name), "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  return published.version;
}
