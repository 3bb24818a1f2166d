/**
 * `npm run build`: compiles every package into its `dist` folder, which is what gets published
 * (`npm publish packages/tensor/dist`). Inside the workspace the packages run from source, and npm cannot
 * exchange `exports` on publishing: the packages are private, and each `dist` gets a public manifest of its own
 * that points at the JavaScript.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./run.ts";

const folders = readdirSync(join(root, "packages")).map((name) => join(root, "packages", name));

for (const folder of folders) rmSync(join(folder, "dist"), { recursive: true, force: true });
run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--build", ...folders]);
// The studio's page is published as it is served: `startStudio` finds it there and needs no Vite.
const studio = join(root, "packages/studio");
run(process.execPath, [
  join(root, "node_modules/vite/bin/vite.js"),
  "build",
  studio,
  "--outDir",
  "dist/dist-app",
]);

for (const folder of folders) {
  const manifest = readFileSync(join(folder, "package.json"), "utf8");
  const { private: _, ...published } = JSON.parse(manifest.replaceAll(/"\.\/src\/(.*)\.ts"/g, '"./$1.js"'));
  writeFileSync(join(folder, "dist/package.json"), `${JSON.stringify(published, null, 2)}\n`);
  rmSync(join(folder, "dist/.tsbuildinfo"));
  if (existsSync(join(folder, "bin")))
    cpSync(join(folder, "bin"), join(folder, "dist/bin"), { recursive: true });
  cpSync(join(root, "LICENSE"), join(folder, "dist/LICENSE"));
  console.log(`${published.name} ${published.version}: ${folder}/dist`);
}
