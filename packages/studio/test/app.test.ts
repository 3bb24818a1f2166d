/** The page in headless Chromium, with the real server and the shipped networks. */
import { type Browser, chromium, type Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { chromiumPath, hasChromium } from "../../../tools/chromium.ts";
import { type Studio, startStudio } from "../src/server/index.ts";

if (!hasChromium()) console.warn(`studio: no Chromium at ${chromiumPath()}, the page is not tested`);

describe.skipIf(!hasChromium())("the page", () => {
  let studio: Studio;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    [studio, browser] = await Promise.all([
      startStudio({ port: 0 }),
      chromium.launch({ executablePath: chromiumPath() }),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await studio?.close();
  });

  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(30_000);
    complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
  });
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  const until = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 });
  const column = (name: string) => page.locator(`[data-model="${name}"]`);
  /** What a network names first, once it has answered. */
  const firstOf = async (name: string) => {
    await column(name).locator("[aria-busy=false] .first .share:not(:empty)").waitFor();
    return await column(name).locator(".first .label").innerText();
  };

  test("a digit that is drawn is read, and what is wiped away is forgotten", async () => {
    await page.goto(studio.url);
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await draw(page, [
      [0.3, 0.22],
      [0.7, 0.22],
      [0.62, 0.45],
      [0.47, 0.82],
    ]);
    expect(await firstOf("digitnet.tessera")).toBe("7");
    expect(await firstOf("lenet5.tessera")).toBe("7");
    await page.getByRole("button", { name: "Clear" }).click();
    await until(() => page.locator(".first .share:not(:empty)").count()).toBe(0);
  });

  test("networks answer side by side about a picture that is dropped, and frame what they saw", async () => {
    await page.goto(studio.url);
    await drop(page, "three.png", await sampleBytes(page, "a three"));
    await page.getByAltText("The picture: three.png").waitFor();
    expect(await firstOf("digitnet.tessera")).toBe("3");
    expect(await firstOf("lenet5.tessera")).toBe("3");
    expect(await page.locator(".column").count()).toBe(3);
    await page.locator(".seen").waitFor();
    await page.getByRole("button", { name: /^LeNet-5/ }).click();
    expect(await page.locator(".column").count()).toBe(2);
    expect(await column("lenet5.tessera").count()).toBe(0);
  });

  test("files that are no pictures are refused with a sentence, and the page goes on", async () => {
    await page.goto(studio.url);
    await page.locator(".card").first().waitFor();
    await drop(page, "holiday.jpg", Buffer.from("this is a text, whatever its name says"));
    await until(() => page.getByRole("alert").innerText()).toContain("“holiday.jpg” is not a picture");
    await drop(page, "nothing.png", Buffer.alloc(0));
    await until(() => page.getByRole("alert").innerText()).toContain("“nothing.png” is empty");
    await drop(page, "huge.png", Buffer.from("zeros"), 21e6);
    await until(() => page.getByRole("alert").innerText()).toContain("21 MB");
    await page.getByRole("button", { name: "Sample: an eight" }).click();
    expect(await firstOf("digitnet.tessera")).toBe("8");
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("inside a network: its layers, the maps of a part, where it looked", async () => {
    await page.goto(`${studio.url}#/inside/lenet5.tessera`);
    await page.getByRole("button", { name: "Sample: a five" }).click();
    expect(await page.locator("h1").innerText()).toBe("LeNet-5");
    await until(() => page.locator("tbody tr").count()).toBeGreaterThan(5);
    await page.getByRole("button", { name: /^c1/ }).click();
    await until(() => page.locator(".maps[aria-busy=false] .map").count()).toBe(6);
    await page.getByAltText("Grad-CAM: where the network looked for 5").waitFor();
    await page.getByAltText("What the unit in the middle of c1 sees of the input").waitFor();
    const heat = page.locator(".gradcam .square img");
    const five = await heat.getAttribute("src");
    await page.locator(".classes .chip").nth(1).click();
    await until(() => heat.getAttribute("src")).not.toBe(five);
  });

  test("the lineage shows networks with their measured accuracy, and leads inside", async () => {
    await page.goto(`${studio.url}#/lineage`);
    await page.getByRole("button", { name: "USPS digits" }).click();
    const entry = page.locator(".year", { hasText: "LeCun 1989" });
    expect(await entry.innerText()).toMatch(/1989[\s\S]*9\d\.\d %[\s\S]*9,760/);
    await page.locator(".bubble").first().click();
    expect(await page.locator("h1").innerText()).toBe("LeCun 1989");
  });

  test("training offers its recipes", async () => {
    await page.goto(`${studio.url}#/train`);
    await until(() => page.locator(".option").count()).toBeGreaterThan(2);
  });

  test("the page computes by itself, and says the same", async () => {
    await page.goto(studio.url);
    await page.getByRole("button", { name: "In this page" }).click();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.getByRole("button", { name: "Sample: a three" }).click();
    expect(await firstOf("digitnet.tessera")).toBe("3");
    await column("digitnet.tessera").getByRole("link", { name: "Look inside" }).click();
    await page.getByAltText("Grad-CAM: where the network looked for 3").waitFor();
    await until(() => page.locator(".maps[aria-busy=false] .map").count()).toBeGreaterThan(5);
    expect(asked.filter((path) => path.startsWith("/api/"))).toEqual([]);
  });

  test("without a server the page computes by itself from the start", async () => {
    await page.route("**/api/**", (route) => route.fulfill({ status: 200, body: "<!doctype html>" }));
    await page.goto(studio.url);
    await page.locator('.engine [aria-pressed="true"]', { hasText: "In this page" }).waitFor();
    expect(await page.getByRole("button", { name: "This machine" }).isDisabled()).toBe(true);
    await page.goto(`${studio.url}#/train`);
    await page.getByText("Training needs the data sets").waitFor();
  });
});

type Point = readonly [number, number];

/** A stroke on the sheet, in shares of its side. */
async function draw(page: Page, points: readonly Point[]): Promise<void> {
  const box = (await page.locator(".pad canvas").boundingBox())!;
  const at = ([x, y]: Point): [number, number] => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(points[0]!));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 5 });
  await page.mouse.up();
}

/** A file, with zeros after its bytes. */
async function drop(page: Page, name: string, bytes: Buffer, zeros = 0): Promise<void> {
  await page.evaluate(
    async ([name, url, zeros]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([await (await fetch(url)).blob(), new Uint8Array(zeros)], name));
      for (const type of ["dragover", "drop"])
        document.body.dispatchEvent(
          new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }),
        );
    },
    [name, `data:application/octet-stream;base64,${bytes.toString("base64")}`, zeros] as const,
  );
}

/** The file of a sample, as the page has it. */
async function sampleBytes(page: Page, name: string): Promise<Buffer> {
  const base64 = await page.locator(`[aria-label="Sample: ${name}"] img[src]`).evaluate(async (image) => {
    const bytes = new Uint8Array(await (await fetch((image as HTMLImageElement).src)).arrayBuffer());
    return btoa(String.fromCharCode(...bytes));
  });
  return Buffer.from(base64, "base64");
}
