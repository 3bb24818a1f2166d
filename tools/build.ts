/**
 * `npm run build`: builds the `dist` folder of every package, which is what gets published
 * (`npm publish packages/tensor/dist`). Modules are bundled into few files, because a program of hundreds is slow to
 * start; imports of other packages are kept. The workspace runs packages from source, and npm cannot replace
 * `exports` on publishing: so the packages are private, and each `dist` gets a public manifest that points to the
 * JavaScript.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { build } from "rolldown";
import { entriesOf, publishedManifest } from "./manifest.ts";
import { root, run } from "./run.ts";

/** Modules started as threads or processes: entry points in addition to those in `exports` and `imports`. */
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
// Where `shippedRoot` looks for the checkpoints, and `startStudio` for its page, which then needs no Vite.
cpSync(join(root, "models"), join(distOf("hub"), "checkpoints"), { recursive: true });
run(process.execPath, [
  join(root, "node_modules/vite/bin/vite.js"),
  "build",
  join(packages, "studio"),
  "--outDir",
  "dist/dist-app",
]);

/** Bundles each entry into a file of the same name; shared code goes into separate chunks. */
async function bundle(name: string, entries: readonly string[]): Promise<void> {
  const source = join(packages, name, "src");
  await build({
    input: Object.fromEntries(entries.map((entry) => [entry, join(source, `${entry}.ts`)])),
    platform: "neutral",
    // An older Node must understand what it reads to be told that it is too old.
    transform: { target: "node20" },
    // Other packages, and subpath imports such as `#runtime`, which are resolved at run time.
    external: (id) => !id.startsWith(".") && !isAbsolute(id),
    // Class names of layers appear in the UI and in error messages.
    output: { dir: distOf(name), format: "esm", keepNames: true, chunkFileNames: "[name]-[hash].js" },
  });
}
