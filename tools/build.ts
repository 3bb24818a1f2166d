/**
 * `npm run build`: makes of every package the `dist` folder that is published (`npm publish packages/tensor/dist`).
 * Its modules become few files, as a program of hundreds takes long to start; imports of other packages stay.
 * Inside the workspace the packages run from source, and npm cannot exchange `exports` on publishing: the packages
 * are private, and each `dist` gets a public manifest of its own that points at the JavaScript.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { build } from "rolldown";
import { entriesOf, publishedManifest } from "./manifest.ts";
import { root, run } from "./run.ts";

/** Modules that are started as a thread or a process, beside those that `exports` and `imports` name. */
const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  studio: ["server/inference/worker", "server/training/child"],
};

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
  const published = publishedManifest(manifest);
  await bundle(name, [...entriesOf(manifest), ...(SCRIPTS[name] ?? [])]);
  writeFileSync(join(distOf(name), "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  rmSync(join(distOf(name), ".tsbuildinfo"));
  for (const extra of ["bin", "README.md"]) {
    const from = join(packages, name, extra);
    if (existsSync(from)) cpSync(from, join(distOf(name), extra), { recursive: true });
  }
  cpSync(join(root, "LICENSE"), join(distOf(name), "LICENSE"));
  console.log(`${published.name} ${published.version}: ${distOf(name)}`);
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
