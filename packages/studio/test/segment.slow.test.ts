/** The Segment page in headless Chromium, with the real server and a network with made-up weights. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readImage } from "@tessera-ml/media";
import type { Page } from "playwright";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { hasChromium } from "../../../tools/chromium.ts";
import type { Studio } from "../src/server/index.ts";
import { PATIENCE, pageTests } from "./support/page.ts";
import { shipSegmentModel } from "./support/segment-models.ts";

vi.setConfig({ testTimeout: 3 * PATIENCE, hookTimeout: 3 * PATIENCE });

describe.skipIf(!hasChromium())("the Segment page", () => {
  const shown = pageTests(900, async (folder) => {
    vi.stubEnv("TESSERA_MODELS", join(folder, "models"));
    vi.stubEnv("TESSERA_CACHE", join(folder, "cache"));
    await shipSegmentModel(join(folder, "models"));
  });
  let studio: Studio;
  let page: Page;
  beforeEach(async () => {
    ({ studio, page } = shown);
    await page.goto(`${studio.url}#/segment`);
    await page.getByRole("button", { name: "Sample: a room" }).click();
    await page.getByTestId("clicks").waitFor();
  });

  const until = <T>(look: () => T) => expect.poll(look, { timeout: PATIENCE });
  const placeOf = async (x: number, y: number) => {
    const { left, top, width, height } = await page
      .getByTestId("clicks")
      .evaluate((element) => element.getBoundingClientRect().toJSON());
    return [left + x * width, top + y * height] as const;
  };
  const click = async (x: number, y: number) => page.mouse.click(...(await placeOf(x, y)));
  const pixels = () =>
    page
      .getByRole("img", { name: "The objects' masks" })
      .evaluate((element) => (element as HTMLCanvasElement).toDataURL());
  const answered = () => page.getByText(/masks \d/).waitFor();
  const marks = () => page.getByRole("button", { name: /click \d, (on|beside) it: remove/ }).count();

  test("a click finds an object, Shift says what is beside it, and undo takes it back", async () => {
    await click(0.4, 0.6);
    await answered();
    const one = await pixels();
    await page.keyboard.down("Shift");
    await click(0.8, 0.3);
    await page.keyboard.up("Shift");
    await until(pixels).not.toBe(one);
    expect(await page.getByRole("button", { name: "click 2, beside it: remove" }).count()).toBe(1);
    await page.getByRole("button", { name: "Undo" }).click();
    await until(pixels).toBe(one);
    await page.getByRole("button", { name: "click 1, on it: remove" }).click();
    await until(marks).toBe(0);
  });

  test("objects have names and colours of their own; a box is dragged", async () => {
    await click(0.3, 0.4);
    await answered();
    await page.getByRole("button", { name: "Another object" }).click();
    await page.mouse.move(...(await placeOf(0.2, 0.2)));
    await page.mouse.down();
    await page.mouse.move(...(await placeOf(0.5, 0.5)), { steps: 4 });
    await page.mouse.up();
    await until(() => page.getByText("% of the picture").count()).toBe(2);
    await page.getByLabel("Name of Object 2").fill("window");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Clicks belong to window" }).waitFor();
    const guesses = page.getByRole("button", { name: /^Guess \d, estimated IoU/ });
    expect(await guesses.count()).toBe(3);
    const before = await pixels();
    await guesses.nth(1).click();
    await until(pixels).not.toBe(before);

    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "JSON" }).click();
    const coco = JSON.parse(await readFile(await (await download).path(), "utf8"));
    expect(coco.annotations.map(({ name }: { name: string }) => name)).toEqual(["Object 1", "window"]);
    const picture = page.waitForEvent("download");
    await page.getByRole("button", { name: "Cut-out" }).click();
    expect((await readImage(await (await picture).path(), { mode: "file" })).channels).toBe(4);
  });

  test("shows what is under a resting pointer", async () => {
    await page.mouse.move(...(await placeOf(0.5, 0.5)));
    const empty = await pixels();
    await until(pixels).not.toBe(empty);
    expect(await marks()).toBe(0);
    await page.mouse.move(5, 5);
    await until(pixels).toBe(empty);
  });

  test("finds everything", async () => {
    await page.getByLabel("Clicks to a side").selectOption("8");
    await page.getByRole("button", { name: "Find everything" }).click();
    await page.getByText(/^\d+ masks?$/).waitFor();
  });

  test("runs in the page as well", async () => {
    await page.getByRole("button", { name: "In this page" }).click();
    await click(0.4, 0.6);
    await page
      .getByText("no segmentation network of its own")
      .or(page.getByText(/masks \d/))
      .first()
      .waitFor();
  });

  test("fits a phone", async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    await click(0.4, 0.6);
    await answered();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  });
});
