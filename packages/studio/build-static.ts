/**
 * `npm run build:studio [-- FOLDER]`: the studio for static hosts: the page, ONNX Runtime's WebAssembly and the shipped
 * checkpoints in one folder (default `dist-studio`), which works under any path. The server's lists of checkpoints and
 * tasks become `models/index.json` and `models/tasks.json`.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { shippedRecords, shippedRoot } from "@tessera-ml/hub";
import { build } from "vite";
import { startStudio } from "./src/server/index.ts";

const here = import.meta.dirname;
const folder = resolve(process.argv[2] ?? join(here, "../../dist-studio"));
const configFile = join(here, "vite.config.ts");

rmSync(folder, { recursive: true, force: true });
await build({ configFile, mode: "static", logLevel: "warn", build: { outDir: folder } });

const models = join(folder, "models");
mkdirSync(models, { recursive: true });
for (const { name } of shippedRecords())
  cpSync(join(shippedRoot(), name), join(models, name), { recursive: true });

const studio = await startStudio({ port: 0, page: folder });
for (const list of ["index.json", "tasks.json"]) {
  const response = await fetch(new URL(`models/${list}`, studio.url));
  const text = await response.text();
  if (!response.ok) throw new Error(`models/${list}: the server answered ${response.status}: ${text}`);
  writeFileSync(join(models, list), text);
}
await studio.close();
console.log(`${folder}: serve it with any web server, such as \`npx vite preview --outDir ${folder}\``);
