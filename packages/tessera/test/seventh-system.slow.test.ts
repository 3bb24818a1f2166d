/** A system that Tessera does not know: the module that TESSERA_SYSTEMS names is all there is of it. */
import type { ChildProcess } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeImage, Image } from "@tessera-ml/media";
import { type Studio, startStudio } from "@tessera-ml/studio";
import { type Browser, chromium } from "playwright";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { chromiumPath, hasChromium } from "../../../tools/chromium.ts";
import { one, write } from "../../cli/test/pictures.ts";
import { type RunOptions, scratch, tessera } from "../../cli/test/run.ts";

const folder = await scratch();
const env = {
  TESSERA_SYSTEMS: join(import.meta.dirname, "support/thumbnail.ts"),
  TESSERA_MODELS: join(folder, "models"),
  TESSERA_CACHE: join(folder, "cache"),
};
/** Milliseconds for the page, which is built first. */
const PATIENCE = 120_000;
const CHECKPOINT = "mean_colour.tessera";
const ORANGE = [255, 136, 0];

const image = new Image(40, 30, 3);
for (let i = 0; i < image.data.length; i++) image.data[i] = ORANGE[i % 3]!;
const png = new Uint8Array(await encodeImage(image, "png"));

/** What the command prints; fails where it fails. */
async function run(...words: readonly string[]): Promise<string> {
  const { out, err, code } = await tessera(words, { cwd: folder, env });
  expect(code, err).toBe(0);
  return out;
}

const runJson = async (...words: readonly string[]) => JSON.parse(await run(...words));

interface Answer {
  readonly model: string;
  readonly colour: string;
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

/** The network has learned to average, and so is near, not exact. */
function expectOrange({ model, colour, r, g, b }: Answer): void {
  expect(model).toBe(CHECKPOINT);
  expect(colour).toMatch(/^#[0-9a-f]{6}$/);
  expect(parseInt(colour.slice(1), 16)).toBe(r * 65536 + g * 256 + b);
  for (const [i, value] of [r, g, b].entries()) expect(Math.abs(value - ORANGE[i]!)).toBeLessThan(12);
}

beforeAll(async () => {
  await mkdir(env.TESSERA_MODELS);
  await writeFile(join(folder, "a.png"), png);
});

test("its recipe trains a network, and ships it", async () => {
  const { figures, passed } = await runJson("train", "mean_colour", "--ship", "--json");
  expect(passed).toBe(true);
  expect(figures.mae).toBeLessThan(0.03);
});

describe("its recipe's own options", () => {
  test("are flags of the command, explained in its help", async () => {
    for (const line of [
      "train mean_colour --help",
      "train --rate 1 mean_colour --help",
      "help train mean_colour",
    ]) {
      const help = (await run(...line.split(" "))).replaceAll(/ +/g, " ");
      expect(help).toContain(
        "Options of this recipe:\n --rate <number> learning rate (default: 0.02)\n --notes <file>",
      );
    }
    expect(await run("train", "--help")).not.toContain("--rate");
  });

  test("reach the run, and stand in the list as a JSON schema", async () => {
    const short = ["--epochs", "1", "--samples", "100", "--out", "short", "--json"];
    const { options } = await runJson("train", "--rate", "0.5", "mean_colour", "--notes", "a.txt", ...short);
    expect(options).toEqual({ rate: 0.5, notes: join(folder, "a.txt") });
    const listed = (await runJson("train", "--json")).find(
      ({ name }: { name: string }) => name === "mean_colour",
    );
    expect(listed.options.properties.rate).toMatchObject({ type: "number", default: 0.02 });
  });

  test.for([
    ["train mean_colour --rates 1", "unknown option '--rates'\n(Did you mean --rate?)"],
    ["train mean_colour --rate -1", "Expected a number of at least 0."],
    ["train mean_colour --notes=", "--notes: Too small"],
    ["train lenet5 --rate 1", "unknown option '--rate'"],
  ] as const)("tessera %s", async ([line, message]) => {
    const { err, code } = await tessera(line.split(" "), { cwd: folder, env });
    expect(err).toContain(message);
    expect(code).toBe(2);
  });
});

describe("its further command", () => {
  const command = (line: string, options: RunOptions = {}) =>
    tessera(["image-thumbnail", ...line.split(" ")], { cwd: folder, env, ...options });

  test("is listed and explained", async () => {
    expect(await run("image-thumbnail", "--help")).toMatch(/^ {2}mix .*Mix colours\.$/m);
    const { out, err, code } = await command("mix --help");
    expect(code, err).toBe(0);
    for (const text of [
      "Usage: tessera image-thumbnail mix [options] <colours...>",
      "-m, --model <choice>",
      "Examples:\n  tessera image-thumbnail mix ff0000 00ff00",
      "Unreadable colours are left out.",
    ])
      expect(out).toContain(text);
    expect(out).not.toContain("--upper");
  });

  test("takes its own options, also where the task has one of the same name", async () => {
    expect(await command("mix ff0000 00ff00")).toEqual({ out: "127.5 127.5 0\n", err: "", code: 0 });
    const { out } = await command("mix ff0000 00ff00 -m grey --json");
    expect(JSON.parse(out)).toEqual({ colour: [127.5] });
  });

  test("says what went wrong, with the exit code", async () => {
    expect(await command("mix ff0000 red")).toEqual({
      ...{ out: "255 0 0\n", err: "red: expected six hexadecimal digits\n", code: 1 },
    });
    for (const [line, message] of [
      ["mix", "missing required argument 'colours'"],
      ["mix ff0000 --upper", "unknown option '--upper'"],
      ["mix ff0000 -m hsv", "Allowed choices are rgb, grey."],
    ] as const) {
      const { err, code } = await command(line);
      expect(err).toContain(message);
      expect(code).toBe(2);
    }
  });

  test("ends at Ctrl-C", async () => {
    const onOutput = (text: string, child: ChildProcess) => {
      if (text.startsWith("red")) child.kill("SIGINT");
    };
    const { err, code } = await command("mix red wait", { onOutput });
    expect(err).toContain("interrupted");
    expect(code).toBe(130);
  });
});

describe("on the command line", () => {
  test("its command is in the help, and explained from its schemas", async () => {
    expect(await run("--help")).toMatch(/^ {2}image-thumbnail \[options\] <inputs...> +Say the mean colour/m);
    const help = await run("image-thumbnail", "--help");
    expect(help).toMatch(/^ {2}--upper +in upper case$/m);
    expect(help).toContain("Examples:\n  tessera image-thumbnail photo.jpg");
  });

  test("its networks, checkpoints and recipes are listed beside the others", async () => {
    const models = await run("models");
    expect(models).toMatch(/^Image classification$/m);
    expect(models).toMatch(/^Thumbnails\nNAME +FAMILY +YEAR +PARAMS +ERROR +ON/m);
    expect(models).toMatch(/^mean_colour\.tessera +Toy +2025 +12 +0\.0\d{3} +random +Apache-2\.0 +shipped$/m);
    expect(await run("models", "mean_colour")).toMatch(/^ +measured +error 0\.0\d{3}, on random$/m);
    expect(await run("train")).toMatch(/^mean_colour +random +8 .* error ≤ 0\.03 /m);
    expect((await runJson("inspect", "mean_colour", "--json")).layers).toMatchObject([
      { path: "mix", type: "Conv2d", params: 12 },
    ]);
  });

  test("answers, with its options", async () => {
    const { input, ...answer } = await runJson("image-thumbnail", "a.png");
    expect(input).toBe("a.png");
    expectOrange(answer);
    const [upper] = await runJson("image-thumbnail", "a.png", "--upper", "-m", CHECKPOINT, "--json");
    expect(upper.colour).toBe(answer.colour.toUpperCase());
  });

  test("is measured: by checkpoint, by the folder of a run, and by task", async () => {
    const whole = await runJson("eval", CHECKPOINT, "--json");
    expect(whole).toMatchObject({ checkpoint: CHECKPOINT, data: "random", count: 200 });
    expect(whole.metrics.mae).toBeLessThan(0.03);
    const own = await runJson("eval", "runs/mean_colour", "--limit", "50", "--json");
    expect(own).toMatchObject({ checkpoint: "mean_colour.run", count: 50 });
    expect(await run("eval", "image-thumbnail")).toMatch(/^error +0\.0\d{3}$/m);
  });

  test("and image classification answers as before", async () => {
    await write(join(folder, "one.png"), one());
    const { out } = await tessera(["classify", "one.png", "-m", "digitnet", "--top", "1", "--json"], {
      cwd: folder,
      env: { ...env, TESSERA_MODELS: join(import.meta.dirname, "../../../models") },
    });
    expect(JSON.parse(out)).toMatchObject([{ model: "digitnet.tessera", predictions: [{ label: "1" }] }]);
  });
});

describe("in the studio", () => {
  let studio: Studio;
  const get = async (path: string) => (await fetch(`${studio.url}api/${path}`)).json();

  beforeAll(async () => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    // Without a browser there is no need to build the page.
    studio = await startStudio({ port: 0, ...(!hasChromium() && { page: folder }) });
  });
  afterAll(async () => {
    await studio?.close();
    vi.unstubAllEnvs();
  });

  test("it is among the tasks, the checkpoints and the recipes", async () => {
    const { tasks } = await get("tasks");
    const task = tasks.find(({ name }: { name: string }) => name === "image-thumbnail");
    expect(task).toMatchObject({ command: "image-thumbnail", title: "Thumbnails", accepts: ["image"] });
    expect(task.request.properties.upper).toMatchObject({ type: "boolean", default: false });
    expect(Object.keys(task.answer.properties)).toEqual(["colour", "r", "g", "b"]);
    const { models } = await get("models");
    expect(models).toContainEqual(
      expect.objectContaining({ name: CHECKPOINT, task: "image-thumbnail", params: 12, place: "shipped" }),
    );
    const { recipes } = await get("recipes");
    expect(recipes).toContainEqual(expect.objectContaining({ name: "mean_colour", data: "here" }));
  });

  test("the OpenAPI document describes its route", async () => {
    const { paths } = await get("openapi.json");
    const { summary, requestBody } = paths["/api/image-thumbnail"].post;
    expect(summary).toBe("Say the mean colour of images.");
    const { properties } = requestBody.content["application/json"].schema;
    expect(Object.keys(properties).toSorted()).toEqual(["image", "input", "models", "tolerant", "upper"]);
  });

  test("its route answers forms, JSON and streams", async () => {
    const ask = (body: BodyInit, headers: HeadersInit = {}) =>
      fetch(`${studio.url}api/image-thumbnail`, { method: "POST", body, headers });
    const form = new FormData();
    form.append("image", new Blob([png]), "a.png");
    const { results } = await (await ask(form)).json();
    expect(results).toHaveLength(1);
    expectOrange(results[0]);

    const question = { image: Buffer.from(png).toString("base64"), models: ["mean_colour"], upper: true };
    const type = { "content-type": "application/json" };
    const upper = await (await ask(JSON.stringify(question), type)).json();
    expect(upper.results[0].colour).toBe(results[0].colour.toUpperCase());
    const stream = await ask(JSON.stringify(question), { ...type, accept: "text/event-stream" });
    expect(await stream.text()).toContain(`event: answer\ndata: ${JSON.stringify(upper.results[0])}\n`);
    const wrong = await ask(JSON.stringify({ ...question, upper: "yes" }), type);
    expect(wrong.status).toBe(400);
    expect((await wrong.json()).error).toMatchObject({ code: "bad-request", field: "upper" });
  });

  test("its recipe trains, and the network that it gives answers", async () => {
    const headers = { "content-type": "application/json" };
    const order = JSON.stringify({ recipe: "mean_colour" });
    const { id } = await (
      await fetch(`${studio.url}api/train`, { method: "POST", body: order, headers })
    ).json();
    const events = await (await fetch(`${studio.url}api/train/${id}/events`)).text();
    const [, done = ""] = /^event: done\ndata: (.*)$/m.exec(events) ?? [];
    const { passed, model } = JSON.parse(done);
    expect(passed).toBe(true);
    const form = new FormData();
    form.append("image", new Blob([png]), "a.png");
    form.append("models", model);
    const answer = await fetch(`${studio.url}api/image-thumbnail`, { method: "POST", body: form });
    expect(await answer.json()).toMatchObject({ results: [{ model }] });
  });

  describe.skipIf(!hasChromium())("on the page", () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: chromiumPath(), timeout: PATIENCE });
    });
    afterAll(() => browser?.close());

    test("it has its place in the navigation, a form and its answer", async () => {
      const page = await browser.newPage();
      page.setDefaultTimeout(PATIENCE);
      await page.goto(studio.url);
      await page.getByRole("navigation").getByRole("link", { name: "Image thumbnail" }).click();
      await page.getByRole("heading", { name: "Thumbnails" }).waitFor();
      await page.locator('input[type="file"]').first().setInputFiles(join(folder, "a.png"));
      await page.getByLabel("Upper").check();
      await page.getByRole("button", { name: "Run", disabled: false }).click();
      const answer = page.locator('[data-model^="mean_colour."]');
      await answer.waitFor();
      expect(await answer.innerText()).toMatch(/#[0-9A-F]{6}/);
      await page.close();
    });
  });
});
