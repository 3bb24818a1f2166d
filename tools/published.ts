/**
 * `npm run test:published`: packs the output of `npm run build`, installs it in an empty folder and uses it as an
 * outside user would: the CLI, the studio, a program under two module resolutions, and a page built by Vite.
 * Needs the npm registry, and Chromium for the page. Takes about a minute.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, openAsBlob, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { chromium } from "playwright";
import { chromiumPath, hasChromium } from "./chromium.ts";
import { root } from "./run.ts";

const photo = join(root, "docs/images/studio-classify.png");
const model = "cifar_resnet20";
const folder = mkdtempSync(join(tmpdir(), "tessera-published-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
/** No workspace and no network: only what is in the packages is available. */
const env: NodeJS.ProcessEnv = {
  ...process.env,
  NODE_OPTIONS: "",
  TESSERA_OFFLINE: "1",
  TESSERA_CACHE: join(folder, "cache"),
  TESSERA_SHARED: folder,
  TESSERA_MODELS: "",
};

interface Best {
  readonly label: string;
  readonly probability: number;
}

install();
const best = command();
await studio(best);
program(best);
if (hasChromium()) await page(best);
else console.log(`- the page: no Chromium found at ${chromiumPath()}`);

function run(file: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): string {
  return execFileSync(file, args, { cwd: folder, env: { ...env, ...more }, encoding: "utf8" });
}

/** Runs a development tool from the workspace, which an outside user would have installed as well. */
function tool(path: string, ...args: readonly string[]): string {
  return run(process.execPath, [join(root, "node_modules", path), ...args]);
}

function install(): void {
  for (const name of readdirSync(join(root, "packages"))) {
    const dist = join(root, "packages", name, "dist");
    run("npm", ["pack", "--silent", "--pack-destination", folder, dist]);
  }
  const tarballs = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  cpSync(join(root, "tools/stranger"), folder, { recursive: true });
  rmSync(join(folder, "package.json"));
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
  run("npm", ["init", "--yes", "--init-type=module"]);
  const types = join(root, "node_modules/@types/node");
  run("npm", ["install", ...quiet, types, ...tarballs.map((name) => `./${name}`)]);
  console.log(`✓ installed: ${tarballs.join(", ")}`);
}

/** Runs the CLI as linked by npm. Returns the top prediction for the image. */
function command(): Best {
  const tessera = join(folder, "node_modules/.bin/tessera");
  assert.match(run(tessera, ["--version"]), /^\d+\.\d+\.\d+/);
  assert.match(run(tessera, ["models", "--here"]), /^lenet5\.tessera .* shipped$/m);
  const [answer] = JSON.parse(run(tessera, ["classify", photo, "--model", model, "--json"]));
  assert.equal(answer.model, `${model}.tessera`);
  assert.throws(
    () => execFileSync(tessera, ["train", "digitnet"], { cwd: folder, env, stdio: "pipe" }),
    (error: Error & { status: number; stderr: Buffer }) =>
      error.status === 1 && /mnist is not on this machine/.test(String(error.stderr)),
  );
  assert.match(run(tessera, ["depth", "--help"]), /--colormap/);
  console.log("✓ tessera models, classify, train, depth");
  return answer.predictions[0];
}

async function studio(expected: Best): Promise<void> {
  const tessera = join(folder, "node_modules/@tessera-ml/cli/bin/tessera.js");
  const server = spawn(process.execPath, [tessera, "serve", "--port", "0"], { cwd: folder, env });
  const ended = once(server, "exit");
  try {
    let said = "";
    for await (const text of server.stdout) {
      said += text;
      if (/http:\S+\s/.test(said)) break;
    }
    const address = /http:\S+/.exec(said)?.[0];
    const html = await (await fetch(`${address}`)).text();
    const script = /src="(.*?\.js)"/.exec(html)?.[1];
    assert.equal((await fetch(new URL(`${script}`, address))).status, 200);
    const form = new FormData();
    form.set("image", await openAsBlob(photo), "photo.png");
    form.set("models", model);
    const answer = await fetch(`${address}api/classify`, { method: "POST", body: form });
    const { results } = (await answer.json()) as { results: { predictions: Best[] }[] };
    assert.deepEqual(results[0]?.predictions[0], expected);
  } finally {
    server.kill("SIGINT");
  }
  assert.deepEqual(await ended, [0, null]);
  console.log("✓ tessera serve: the page, an answer, Ctrl-C");
}

/** Type-checks a program, including the declarations of the packages, as Node and bundlers resolve it; then runs it. */
function program(expected: Best): void {
  for (const [module, resolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    const options = ["--strict", "--noEmit", "--target", "es2024", "--types", "node"];
    tool("typescript/bin/tsc", ...options, "--module", module, "--moduleResolution", resolution, "node.ts");
  }
  const answer = JSON.parse(run(process.execPath, ["node.ts", photo]));
  assert.deepEqual(answer, { backend: "ort-direct", whole: true, best: expected });
  console.log("✓ a program: its types under nodenext and bundler, its answer");
}

async function page(expected: Best): Promise<void> {
  const built = join(folder, "built");
  tool("vite/bin/vite.js", "build", folder, "--outDir", built, "--logLevel", "warn");
  cpSync(photo, join(built, "photo.png"));
  cpSync(join(folder, "node_modules/@tessera-ml/hub/checkpoints"), join(built, "models"), {
    recursive: true,
  });
  const browser = await chromium.launch({ executablePath: chromiumPath() });
  try {
    const page = await browser.newPage();
    // Serve files like an ordinary web server.
    await page.route("http://localhost/**", async (route) => {
      const path = new URL(route.request().url()).pathname;
      await route.fulfill({ path: join(built, extname(path) ? path : "index.html") });
    });
    await page.goto("http://localhost/");
    await page.waitForFunction(() => document.body.textContent.trim() !== "", undefined, {
      timeout: 120_000,
    });
    const text = await page.textContent("body");
    assert.match(`${text}`, /^\{/);
    const { backend, best } = JSON.parse(`${text}`);
    assert.equal(backend, "ort-web");
    assert.equal(best.label, expected.label);
    assert.ok(Math.abs(best.probability - expected.probability) < 1e-3, `${best.probability}`);
  } finally {
    await browser.close();
  }
  console.log("✓ a page built by Vite runs in Chromium");
}
