/** The Depth page in headless Chromium, with the real server and networks with made-up weights. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeVideo, Image, readDepth, type VideoFrame } from "@tessera-ml/media";
import type { Page } from "playwright";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { hasChromium } from "../../../tools/chromium.ts";
import type { Studio } from "../src/server/index.ts";
import { shipDepthModels, TINY_SYSTEM } from "./support/depth-models.ts";
import { PATIENCE, pageTests } from "./support/page.ts";

vi.setConfig({ testTimeout: 3 * PATIENCE, hookTimeout: 3 * PATIENCE });

/** A box that moves over a ramp. */
function* frames(count: number): Generator<VideoFrame> {
  for (let i = 0; i < count; i++) {
    const image = new Image(160, 120, 3);
    for (let at = 0; at < 160 * 120; at++) {
      const [x, y] = [at % 160, Math.floor(at / 160)];
      const isBox = x > 20 + 3 * i && x < 60 + 3 * i && y > 40 && y < 90;
      image.data.set(isBox ? [220, 120, 60] : [y, y, 2 * y], 3 * at);
    }
    yield { image, timestamp: i / 10, duration: 0.1 };
  }
}

/** Of the sample pictures. */
const [WIDTH, HEIGHT] = [480, 360];

describe.skipIf(!hasChromium())("the Depth page", () => {
  const shown = pageTests(900, async (folder) => {
    vi.stubEnv("TESSERA_MODELS", join(folder, "models"));
    vi.stubEnv("TESSERA_CACHE", join(folder, "cache"));
    vi.stubEnv("TESSERA_SYSTEMS", TINY_SYSTEM);
    await shipDepthModels(join(folder, "models"));
  });
  let studio: Studio;
  let page: Page;
  beforeEach(() => {
    ({ studio, page } = shown);
  });

  const until = <T>(look: () => T) => expect.poll(look, { timeout: PATIENCE });
  const sample = (name: string) => page.getByRole("button", { name: `Sample: ${name}` }).click();
  const card = (name: string) => page.locator(".card", { hasText: name });
  const map = () => page.getByRole("img", { name: "The depth map" });
  const tap = async (x: number, y: number) => {
    const { left, top, width, height } = await page
      .getByTestId("taps")
      .evaluate((element) => element.getBoundingClientRect().toJSON());
    await page.mouse.click(left + x * width, top + y * height);
  };
  /** Opens the page with the map of our own small network. */
  const open = async () => {
    await page.goto(`${studio.url}#/depth`);
    await card("Depth Lite0").click();
    await card("depth_tiny 2025").or(card("depth_tiny2025")).click();
    await sample("a study");
    await page.locator(".over:not(.waiting)").waitFor();
  };
  const pixelsOf = (canvas: ReturnType<typeof map>) =>
    canvas.evaluate((element: HTMLCanvasElement) => element.toDataURL());

  test("home shows its picture and how many networks are ready", async () => {
    await page.goto(studio.url);
    const home = page.getByRole("link", { name: /^Depth estimation.*3 checkpoints ready/s });
    const picture = home.locator("img");
    await until(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
    await home.click();
    await page.getByText("Drop a photograph").waitFor();
    await page.getByText("Choose a picture first.").waitFor();
  });

  test("the map covers the picture from a slider on, in the colours chosen", async () => {
    await open();
    const before = await pixelsOf(map());
    await page.getByLabel("Colours").selectOption("Grey");
    await until(() => pixelsOf(map())).not.toBe(before);
    const slider = page.getByRole("slider");
    await slider.press("Home");
    expect(await slider.getAttribute("aria-valuenow")).toBe("0");
    await slider.press("ArrowRight");
    await slider.press("PageUp");
    expect(await slider.getAttribute("aria-valuenow")).toBe("11");
    const knob = (await slider.boundingBox())!;
    const frame = (await page.getByTestId("taps").boundingBox())!;
    await page.mouse.move(knob.x + knob.width / 2, knob.y + 20);
    await page.mouse.down();
    await page.mouse.move(frame.x + 0.75 * frame.width, knob.y + 30, { steps: 4 });
    await page.mouse.up();
    expect(await slider.getAttribute("aria-valuenow")).toBe("75");
    expect(await page.locator(".over-marker").count()).toBe(0);
  });

  test("tiles refine the map", async () => {
    await open();
    const whole = await pixelsOf(map());
    await page.getByLabel("Detail").selectOption("2 tiles");
    await until(() => pixelsOf(map())).not.toBe(whole);
    await page.getByLabel("Detail").selectOption("Whole picture");
    await until(() => pixelsOf(map())).toBe(whole);
  });

  test("the depth of a video is estimated when asked for, and plays along", async () => {
    await page.goto(`${studio.url}#/depth`);
    await card("depth_tiny 2025").or(card("depth_tiny2025")).click();
    await card("Depth Lite0").click();
    const buffer = Buffer.from(await encodeVideo(frames(20), "webm"));
    const file = { name: "walk.webm", mimeType: "video/webm", buffer };
    await page.getByLabel("Choose a picture or a video").setInputFiles(file);
    await page.getByLabel("The video: walk.webm").waitFor();
    expect(await page.getByText("Choose a picture first.").isVisible()).toBe(false);
    await page.getByRole("button", { name: "Estimate the depth" }).click();
    const depth = page.getByLabel("The depth of the video");
    await depth.waitFor();
    const state = () =>
      depth.evaluate(
        (video: HTMLVideoElement) => [video.videoWidth, video.paused, video.currentTime] as const,
      );
    await until(async () => (await state())[0]).toBe(160);
    await page.getByText(/^20 frames, 1 scene · flicker/).waitFor();
    expect(await page.getByRole("link", { name: "Save as WebM" }).getAttribute("download")).toBe(
      "walk-depth.webm",
    );
    // It follows the player of the video.
    const player = page.getByLabel("The video: walk.webm");
    await player.evaluate((video: HTMLVideoElement) => {
      video.currentTime = 1;
    });
    await until(async () => Math.abs((await state())[2] - 1) < 0.15).toBe(true);
    // A picture puts the map back.
    await sample("a study");
    await page.locator(".over:not(.waiting)").waitFor();
    expect(await depth.count()).toBe(0);
  });

  test("a ratio of disparities is not one of distances, and known distances give metres", async () => {
    await open();
    await tap(0.2, 0.2);
    await tap(0.8, 0.8);
    const says = page.locator(".comparison");
    expect(await says.innerText()).toMatch(
      /^[AB] is nearer than [AB]: its disparity is \d+\.\d\d times .* not the ratio of their distances/,
    );
    const near = (await says.innerText()).charAt(0);
    const far = near === "A" ? "B" : "A";
    const known = (name: string) => page.getByLabel(`Known distance of ${name} in metres`);
    await known(near).fill("2");
    expect(await says.innerText()).toContain("not the ratio");
    await known(far).fill("5");
    await until(() => says.innerText()).toBe(`${far} is 2.50 times as far away as ${near}: 3.00 m farther.`);
    await until(() => page.getByLabel(`Point ${near}`, { exact: true }).innerText()).toBe("2.00 m");
    await page.getByText(/a third tells the error/).waitFor();
    await known(near).fill("7");
    await page.getByText(/farther away have the larger disparities/).waitFor();
    await known(near).fill("2");
    // The keyboard sets a point too, and moves it.
    await page.getByRole("button", { name: "Add a point" }).click();
    const third = page.getByRole("button", { name: /^Point C/ });
    await expect.poll(() => third.evaluate((element) => element === document.activeElement)).toBe(true);
    const place = await third.evaluate((element) => element.style.left);
    await third.press("ArrowRight");
    expect(await third.evaluate((element) => element.style.left)).not.toBe(place);
    const middle = await page.getByLabel("Point C", { exact: true }).innerText();
    expect(middle).toMatch(/ m$/);
    await known("C").fill(String(Number.parseFloat(middle) * 1.1));
    await page.getByText(/off by \d+\.\d % on average/).waitFor();
    await third.press("Delete");
    await until(() => page.locator(".over-marker").count()).toBe(2);
    // Another picture has other points.
    await sample("a fence");
    await until(() => page.locator(".over-marker").count()).toBe(0);
  });

  test("the relief turns by keyboard and mouse, and returns", async () => {
    await open();
    await page.getByRole("button", { name: "Relief" }).click();
    await page.getByText(/^[\d,]+ triangles$/).waitFor();
    const canvas = page.locator(".relief-canvas");
    // A key shows the ring around what has the focus, in every screenshot alike.
    await canvas.press("0");
    const start = await canvas.screenshot();
    expect(start.length).toBeGreaterThan(10_000);
    for (let i = 0; i < 4; i++) await canvas.press("ArrowRight");
    const turned = await canvas.screenshot();
    expect(turned.equals(start)).toBe(false);
    await canvas.press("0");
    await until(async () => (await canvas.screenshot()).equals(start)).toBe(true);
    const { x, y, width, height } = (await canvas.boundingBox())!;
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width / 3, y + height / 3, { steps: 5 });
    await page.mouse.up();
    expect((await canvas.screenshot()).equals(start)).toBe(false);
    await page.getByRole("button", { name: "Reset" }).click();
    await canvas.press("Shift");
    await until(async () => (await canvas.screenshot()).equals(start)).toBe(true);
  });

  test("without WebGL the relief says so, and the rest works", async () => {
    await page.addInitScript(() => {
      const { getContext } = HTMLCanvasElement.prototype;
      HTMLCanvasElement.prototype.getContext = function (
        this: HTMLCanvasElement,
        ...[kind, ...rest]: never[]
      ) {
        return String(kind).startsWith("webgl") ? null : Reflect.apply(getContext, this, [kind, ...rest]);
      } as typeof getContext;
    });
    await open();
    await page.getByRole("button", { name: "Relief" }).click();
    await until(() => page.getByRole("alert").innerText()).toBe(
      "This browser has no WebGL, which the relief needs.",
    );
    await page.getByRole("button", { name: "Relief" }).click();
    await until(() => page.getByRole("alert").count()).toBe(0);
    shown.complaints = shown.complaints.filter((text) => !text.includes("WebGL"));
  });

  test("networks are compared side by side, and one in metres says so", async () => {
    await open();
    await card("depth_tiny_metric").click();
    await until(() => page.locator(".depth-compared .column").count()).toBe(2);
    const column = page.locator('[data-model="depth_tiny_metric.m"]');
    await column.getByText(/^metres · /).waitFor();
    await column.getByRole("button", { name: /^Show the map/ }).click();
    await tap(0.3, 0.5);
    await until(() => page.getByLabel("Point A", { exact: true }).innerText()).toMatch(/^\d+\.\d+ m$/);
    expect(await page.getByLabel("Known distance of A in metres").count()).toBe(0);
  });

  test("files are saved at the size of the picture", async () => {
    await open();
    const save = async (title: string) => {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("region", { name: "Save" }).getByRole("button", { name: title }).click(),
      ]);
      return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
    };
    const png = await save("PNG, 16 bits");
    expect(png.name).toBe("a study-depth.png");
    const { width, height, data } = await readDepth(new Uint8Array(png.bytes), { unit: 1 });
    expect([width, height]).toEqual([WIDTH, HEIGHT]);
    expect(new Set(data).size).toBeGreaterThan(1000);
    expect(data.reduce((most, step) => Math.max(most, step), 0)).toBe(65535);
    const pfm = await save("PFM");
    expect(pfm.bytes.toString("latin1", 0, 15)).toBe(`Pf\n${WIDTH} ${HEIGHT}\n-1.0`);
    expect((await save("PLY")).bytes.toString("latin1", 0, 300)).toContain(`vertex ${WIDTH * HEIGHT}`);
    expect((await save("GLB")).bytes.toString("latin1", 0, 4)).toBe("glTF");
  });

  test("server and page read the same map", async () => {
    await open();
    const read = async () => {
      await page.getByRole("button", { name: "Add a point" }).click();
      const text = await page.getByLabel("Point A", { exact: true }).innerText();
      return Number(/^disparity ([\d.e-]+)$/.exec(text)?.[1]);
    };
    const there = await read();
    expect(there).toBeGreaterThan(0);
    await page.getByRole("button", { name: "In this page" }).click();
    await page.locator(".depth-tools[aria-busy=true]").waitFor();
    await page.locator(".depth-tools[aria-busy=false] .distances").waitFor();
    const here = page.getByLabel("Point A", { exact: true });
    const found = Number(/^disparity ([\d.e-]+)$/.exec(await here.innerText())?.[1]);
    expect(Math.abs(found - there)).toBeLessThan(0.02 * there);
  });

  test("inside: the four maps, what each fusion adds, attention and tokens", async () => {
    await page.goto(`${studio.url}#/depth/inside/depth_tiny.a`);
    await sample("a room");
    for (const stage of [1, 2, 3, 4]) {
      await page.getByAltText(`Map of stage ${stage}`).waitFor();
      await page.getByAltText(`After the fusion of stage ${stage}`, { exact: true }).waitFor();
    }
    expect(await page.getByAltText(/^What the fusion of stage \d adds$/).count()).toBe(3);
    await page.getByAltText("Patch tokens: three principal components in colours").waitFor();
    const head = page.getByAltText("Head 2");
    const before = await head.getAttribute("src");
    const picture = page.getByRole("button", { name: /^The patch that is looked at/ });
    await picture.click({ position: { x: 10, y: 10 } });
    await page.getByText(/^Patch [12], [1-3] of 37 × 49$/).waitFor();
    await until(() => head.getAttribute("src")).not.toBe(before);
    await picture.press("ArrowDown");
    await page.getByText(/^Patch [23], [1-3] of 37 × 49$/).waitFor();
    await page.getByRole("button", { name: "Block 1", exact: true }).click();
    await page.getByRole("heading", { name: "Heads of block 1" }).waitFor();
    // A convolutional network has no attention.
    await page.locator(".choose select").selectOption({ label: "Depth Lite0, 2026" });
    await until(() => page.locator("h1").innerText()).toBe("Depth Lite0");
    await page.getByAltText("After the fusion of stage 1", { exact: true }).waitFor();
    expect(await page.getByRole("heading", { name: "What a patch attends to" }).count()).toBe(0);
    await page.goto(`${studio.url}#/depth/inside/nothing`);
    await page.getByText("There is no network “nothing” here.").waitFor();
  });

  test("the camera runs live until it is stopped, and one that is absent is reported", async () => {
    await page.addInitScript(() => {
      const { mediaDevices } = navigator;
      const ask = mediaDevices.getUserMedia.bind(mediaDevices);
      const tracks: MediaStreamTrack[] = [];
      Object.assign(globalThis, { tracks });
      mediaDevices.getUserMedia = async (wanted) => {
        const stream = await ask(wanted);
        tracks.push(...stream.getTracks());
        return stream;
      };
    });
    const states = () =>
      page.evaluate(() =>
        (globalThis as unknown as { tracks: MediaStreamTrack[] }).tracks.map((t) => t.readyState),
      );
    await page.goto(`${studio.url}#/depth/live`);
    const start = page.getByRole("button", { name: "Start the camera" });
    await start.click();
    await page.getByText(/^\d+\.\d frames per second · /).waitFor();
    const shown = page.getByRole("img", { name: "Depth of the camera's picture" });
    const first = await pixelsOf(shown);
    await until(() => pixelsOf(shown)).not.toBe(first);
    await page.getByRole("button", { name: "Stop the camera" }).click();
    await until(states).toEqual(["ended"]);
    await start.click();
    await until(states).toEqual(["ended", "live"]);
    await page.getByRole("link", { name: "Look inside" }).click();
    await until(states).toEqual(["ended", "ended"]);
    await page.getByRole("link", { name: "Live" }).click();
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("No.", "NotFoundError"));
    });
    await start.click();
    await until(() => page.getByRole("alert").innerText()).toContain("has no camera");
    await start.waitFor();
  });

  test("says what is wrong with a file, and which checkpoint is not there", async () => {
    await page.goto(`${studio.url}#/depth`);
    await page.locator(".card").first().waitFor();
    await page.locator("input[type=file]").setInputFiles({
      name: "photo.jpg",
      mimeType: "image/jpeg",
      buffer: Buffer.from("not a photograph"),
    });
    await until(() => page.getByRole("alert").innerText()).toContain("photo.jpg: not an image");
    const gone = {
      error: { code: "absent", message: "depth_tiny.a: npx tessera pull depth_tiny.a gets it" },
    };
    await page.route("**/api/depth", (route) => route.fulfill({ status: 409, json: gone }), { times: 1 });
    await sample("a house");
    await until(() => page.getByRole("alert").innerText()).toContain("npx tessera pull depth_tiny.a");
    shown.complaints = shown.complaints.filter((text) => !text.includes("409"));
    await sample("a fence");
    await page.locator(".over:not(.waiting)").waitFor();
    await page.route("**/api/models", (route) => route.fulfill({ json: { models: [] } }));
    await page.reload();
    await until(() => page.getByRole("alert").innerText()).toContain("No depth network is on this machine");
  });

  test("fits a phone", async () => {
    await page.setViewportSize({ width: 375, height: 800 });
    await open();
    await tap(0.2, 0.2);
    await tap(0.7, 0.7);
    await page.getByRole("button", { name: "Relief" }).click();
    await page.getByText(/triangles$/).waitFor();
    const widest = () => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await widest()).toBeLessThanOrEqual(375);
    for (const view of ["Look inside", "Live"]) {
      await page.getByRole("link", { name: view }).click();
      await page.getByRole("link", { name: view }).and(page.locator("[aria-current=page]")).waitFor();
      expect(await widest()).toBeLessThanOrEqual(375);
    }
  });
});
