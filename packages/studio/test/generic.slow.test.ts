/** A task without its own view, in headless Chromium; task and answers are made up. */
import { type Browser, chromium, type Page, type Route } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { chromiumPath, hasChromium } from "../../../tools/chromium.ts";
import { type Studio, startStudio } from "../src/server/index.ts";

const PATIENCE = 120_000;
vi.setConfig({ testTimeout: 3 * PATIENCE, hookTimeout: 3 * PATIENCE });

const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";

const TASK = {
  name: "height-estimation",
  command: "height",
  title: "Height estimation",
  summary: "Says how high everything is.",
  accepts: ["image"],
  checkpoints: "height-estimation",
  metrics: {},
  request: {
    type: "object",
    required: ["palette"],
    properties: {
      grid: { type: "integer", minimum: 1, maximum: 64, default: 16 },
      limit: { type: "number", description: "In metres" },
      smooth: { type: "boolean", default: true },
      palette: { type: "string", enum: ["viridis", "grey"], default: "viridis" },
      note: { type: "string" },
      layers: { type: "array", items: { type: "string", enum: ["low", "high"] } },
      tags: { type: "array", items: { type: "string" } },
    },
  },
  answer: {
    type: "object",
    properties: {
      map: { type: "string", title: "Height map" },
      range: { type: "object", properties: { nearest: { type: "number" }, farthest: { type: "number" } } },
      things: { type: "array", items: { $ref: "#/$defs/Thing" } },
    },
    $defs: {
      Thing: {
        type: "object",
        properties: { colour: { type: "string" }, label: { type: "string" }, area: { type: "integer" } },
      },
    },
  },
};

const ANSWER = {
  model: "height_small.test",
  map: PIXEL,
  range: { nearest: 0.42137, farthest: 81.25 },
  things: [{ colour: "#ff8800", label: "car", area: 12345 }],
};

const MODEL = {
  name: ANSWER.model,
  task: TASK.name,
  network: "height_small",
  title: "Height Small",
  family: "Height",
  year: 2024,
  paper: "A paper",
  params: 1000,
  inputSize: 224,
  channels: 3,
  classes: { count: 10, kind: "cifar10" },
  place: "shipped",
};

const event = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

describe.skipIf(!hasChromium())("a task without its own view", () => {
  let studio: Studio;
  let browser: Browser;
  let page: Page;
  let asked: { body: Record<string, unknown>; accept: string | undefined }[];
  /** How the made-up task answers. */
  let answer: (route: Route) => Promise<void>;

  beforeAll(async () => {
    studio = await startStudio({ port: 0 });
    browser = await chromium.launch({ executablePath: chromiumPath(), timeout: PATIENCE });
  });
  afterAll(async () => {
    await browser?.close();
    await studio?.close();
  });
  beforeEach(async () => {
    page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    asked = [];
    await page.route("**/api/tasks", async (route) => {
      const { tasks } = await (await route.fetch()).json();
      await route.fulfill({ json: { tasks: [...tasks, TASK] } });
    });
    await page.route("**/api/models", (route) => route.fulfill({ json: { models: [MODEL] } }));
    await page.route("**/api/height", async (route) => {
      const body = route.request().postDataJSON();
      asked.push({ body, accept: route.request().headers().accept });
      await answer(route);
    });
    await page.goto(`${studio.url}#/height`);
    await page.getByRole("button", { name: "Sample: a ship" }).click();
  });
  afterEach(() => page.close());

  const run = () => page.getByRole("button", { name: "Run", disabled: false }).click();
  const result = () => page.locator(`[data-model="${ANSWER.model}"]`);

  test("appears in the navigation and on the home page, with a mosaic", async () => {
    await page.getByRole("link", { name: "Tessera Studio" }).click();
    const card = page.getByRole("link", { name: /^Height estimation.*1 checkpoint ready/s });
    await card.locator("svg.tile").waitFor();
    await page.getByRole("navigation").getByRole("link", { name: "Height" }).click();
    await page.getByRole("heading", { name: "Height estimation" }).waitFor();
  });

  test("makes a form of the request schema and shows answers by the answer schema", async () => {
    answer = (route) => route.fulfill({ contentType: "text/event-stream", body: event("answer", ANSWER) });
    await page.getByLabel("Grid").fill("20");
    await page.getByLabel("Limit").fill("2.5");
    await page.getByText("In metres").waitFor();
    await page.getByLabel("Smooth").uncheck();
    await page.getByLabel("Palette").selectOption("grey");
    await page.getByLabel("high").check();
    await page.getByLabel("Tags").fill("a, b");
    await run();
    await result().waitFor();
    expect(await result().getByAltText("Height map").getAttribute("src")).toBe(PIXEL);
    const text = await result().innerText();
    expect(text).toMatch(/Nearest\s+0\.4214\s+Farthest\s+81\.25/);
    expect(text).toMatch(/Colour\s+Label\s+Area\s+#ff8800\s+car\s+12,345/);
    const colour = await result()
      .locator(".swatch")
      .evaluate((swatch) => getComputedStyle(swatch).backgroundColor);
    expect(colour).toBe("rgb(255, 136, 0)");
    expect(asked).toHaveLength(1);
    expect(asked[0]!.accept).toContain("text/event-stream");
    const { input, ...options } = asked[0]!.body;
    expect(input).toMatch(/^upload:[\da-f]{32}$/);
    expect(options).toEqual({
      models: [MODEL.name],
      grid: 20,
      limit: 2.5,
      smooth: false,
      palette: "grey",
      layers: ["high"],
      tags: ["a", "b"],
    });
  });

  test("accepts JSON from a server that does not stream", async () => {
    answer = (route) => route.fulfill({ json: { results: [ANSWER] } });
    await run();
    await result().getByText("12,345").waitFor();
  });

  test("shows errors: a rejected request, an error event, a truncated stream", async () => {
    const refusal = { error: { code: "unsuitable", message: "It is too dark." } };
    const progress = event("progress", { what: "Height Small", done: 1, total: 4 });
    for (const [reply, message] of [
      [{ status: 422, json: refusal }, "It is too dark."],
      [{ contentType: "text/event-stream", body: progress + event("error", refusal) }, "It is too dark."],
      [{ contentType: "text/event-stream", body: progress }, "broke before the answer was complete"],
    ] as const) {
      answer = (route) => route.fulfill(reply);
      await run();
      await page.getByRole("alert").getByText(message).waitFor();
    }
  });

  test("shows progress until stopped", async () => {
    // A stream that stays open: `fulfill` cannot hold one.
    await page.evaluate(
      (progress) => {
        const fetched = window.fetch;
        window.fetch = async (input, options) => {
          if (input !== "api/height") return fetched(input, options);
          const body = new ReadableStream({
            start(controller) {
              controller.enqueue(new TextEncoder().encode(progress));
              options?.signal?.addEventListener("abort", () => controller.error(options.signal?.reason));
            },
          });
          return new Response(body, { headers: { "content-type": "text/event-stream" } });
        };
      },
      event("progress", { what: "Height Small", done: 1, total: 4, preview: PIXEL }),
    );
    await run();
    await page.getByText("Height Small: 1 of 4").waitFor();
    await page.getByAltText("Preview").waitFor();
    expect(await page.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("25");
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Run", disabled: false }).waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("offers nothing to run without a checkpoint", async () => {
    await page.route("**/api/models", (route) => route.fulfill({ json: { models: [] } }));
    await page.reload();
    await page.getByText("None on this machine.").waitFor();
    expect(await page.getByRole("button", { name: "Run" }).isDisabled()).toBe(true);
  });
});
