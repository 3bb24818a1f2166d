/** The page in headless Chromium, with the real server and the shipped networks. */
import { sharedFile } from "@tessera-ml/hub";
import type { Locator, Page } from "playwright";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { chromiumPath, hasChromium } from "../../../tools/chromium.ts";
import type { Studio } from "../src/server/index.ts";
import { PATIENCE, pageTests } from "./support/page.ts";

if (!hasChromium()) console.warn(`studio: no Chromium at ${chromiumPath()}; skipping the tests of the page`);

const usps = sharedFile("image/usps") !== undefined;
if (!usps) console.warn("studio: USPS is absent; skipping the tests of training");

vi.setConfig({ testTimeout: 3 * PATIENCE, hookTimeout: 3 * PATIENCE });

describe.skipIf(!hasChromium())("the page", () => {
  const shown = pageTests(800, (folder) => {
    // Checkpoints in the user's cache would be suggested too.
    vi.stubEnv("TESSERA_CACHE", folder);
  });
  let studio: Studio;
  let page: Page;
  beforeEach(() => {
    ({ studio, page } = shown);
  });

  const until = <T>(look: () => T) => expect.poll(look, { timeout: PATIENCE });
  /** Opens classification. Once the samples are loaded, the page accepts dropped and pasted files too. */
  const open = async () => {
    await page.goto(`${studio.url}#/classify`);
    await page.locator('[aria-label^="Sample: "] img[src]').first().waitFor();
  };
  const column = (name: string) => page.locator(`[data-model="${name}"]`);
  /** A network's first prediction, once it has answered. */
  const firstOf = async (name: string) => {
    await column(name).locator("[aria-busy=false] .first .share:not(:empty)").waitFor();
    return await column(name).locator(".first .label").innerText();
  };

  test("home shows each system with its picture and its number of ready checkpoints", async () => {
    await page.goto(studio.url);
    await page.getByText(/^\d+ checkpoints ready on this machine$/).waitFor();
    const card = page.getByRole("link", { name: /^Image classification/ });
    const picture = card.locator("img");
    await until(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
    await card.click();
    await page.getByText("Drop a photograph").waitFor();
    expect(new URL(page.url()).hash).toBe("#/classify");
    await page.goto(`${studio.url}#/nothing`);
    await page.getByText("There is no page “nothing” here.").waitFor();
    await page.getByRole("link", { name: "See what there is." }).click();
    await card.waitFor();
  });

  test("old addresses without a task still work", async () => {
    await page.goto(`${studio.url}#/inside/lenet5.tessera`);
    await until(() => page.locator("h1").innerText()).toBe("LeNet-5");
    expect(new URL(page.url()).hash).toBe("#/classify/inside/lenet5.tessera");
    await page.goto(`${studio.url}#/lineage`);
    await page.getByRole("heading", { name: "The lineage" }).waitFor();
    expect(new URL(page.url()).hash).toBe("#/classify/lineage");
  });

  test("a picture is uploaded once for all networks, and again if the server has dropped it", async () => {
    const uploads: string[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/api/uploads")) uploads.push(request.method());
    });
    await open();
    await page.getByRole("button", { name: "Sample: a three" }).click();
    for (const name of ["digitnet.tessera", "lenet5.tessera", "lecun1989.tessera"])
      expect(await firstOf(name)).toBe("3");
    expect(uploads).toEqual(["POST"]);
    const gone = { error: { code: "not-found", message: "It is gone.", field: "input" } };
    await page.route("**/api/inspect/gradcam", (route) => route.fulfill({ status: 404, json: gone }), {
      times: 1,
    });
    await column("lenet5.tessera").getByRole("link", { name: "Look inside" }).click();
    await page.getByAltText("Grad-CAM: where the network looked for 3").waitFor();
    expect(uploads).toEqual(["POST", "POST"]);
    expect(shown.complaints).toEqual([expect.stringContaining("404")]);
    shown.complaints = [];
  });

  test("a drawn digit is read, and clearing the sheet clears the answers", async () => {
    await open();
    // The sheet may move when the cards appear.
    await page.locator(".card").first().waitFor();
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await draw(page, [
      [0.3, 0.22],
      [0.7, 0.22],
      [0.62, 0.45],
      [0.47, 0.82],
    ]);
    // The half-drawn digit was read too, and its answer may still be shown.
    await until(() => firstOf("digitnet.tessera")).toBe("7");
    await until(() => firstOf("lenet5.tessera")).toBe("7");
    await page.getByRole("button", { name: "Clear" }).click();
    await until(() => page.locator(".first .share:not(:empty)").count()).toBe(0);
  });

  test("an answer to a drawing that has been cleared is dropped", async () => {
    await open();
    await page.locator(".card").first().waitFor();
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    const looks = await holdPictures(page);
    await draw(page, [
      [0.3, 0.22],
      [0.7, 0.22],
      [0.62, 0.45],
    ]);
    await until(() => looks.count()).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Clear" }).click();
    await looks.release();
    expect(await page.locator(".column [aria-busy=true], .column .share:not(:empty)").count()).toBe(0);
  });

  test("networks classify a dropped picture side by side and frame what they saw", async () => {
    await open();
    await drop(page, "three.png", await sampleBytes(page, "a three"));
    await page.getByAltText("The picture: three.png").waitFor();
    expect(await firstOf("digitnet.tessera")).toBe("3");
    expect(await firstOf("lenet5.tessera")).toBe("3");
    await until(() => page.locator(".column").count()).toBe(3);
    await page.locator(".seen").waitFor();
    await page.getByRole("button", { name: /^LeNet-5/ }).click();
    await until(() => page.locator(".column").count()).toBe(2);
    await until(() => column("lenet5.tessera").count()).toBe(0);
  });

  test("files that are not pictures are rejected with a message, and the page keeps working", async () => {
    await open();
    await drop(page, "holiday.jpg", Buffer.from("this is a text, whatever its name says"));
    await until(() => page.getByRole("alert").innerText()).toContain(
      "holiday.jpg: not an image, or an unknown format; expected JPEG, PNG",
    );
    await drop(page, "nothing.png", Buffer.alloc(0));
    await until(() => page.getByRole("alert").innerText()).toContain("nothing.png: is empty");
    await drop(page, "huge.png", Buffer.from("zeros"), 21e6);
    await until(() => page.getByRole("alert").innerText()).toContain(
      "huge.png: 21000005 bytes, over the limit of 20000000. A smaller copy will do",
    );
    const poster = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAdTAAAHUwCAIAAAA=", "base64");
    await drop(page, "poster.png", poster);
    await until(() => page.getByRole("alert").innerText()).toContain(
      "poster.png: 30000 x 30000 pixels, over the limit of 50000000. A smaller copy will do",
    );
    await drop(page, "phone.heic", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic"));
    await until(() => page.getByRole("alert").innerText()).toContain("phone.heic: HEIC is not supported");
    await page.getByRole("button", { name: "Sample: an eight" }).click();
    expect(await firstOf("digitnet.tessera")).toBe("8");
    await until(() => page.getByRole("alert").count()).toBe(0);
  });

  test("server and page read bitmaps alike, even one that the browser cannot display", async () => {
    await open();
    // The second is an OS/2 bitmap of a kind that Chromium does not support.
    const answers: string[] = [];
    for (const engine of ["This machine", "In this page"]) {
      await page.getByRole("button", { name: engine }).click();
      for (const [name, bytes] of [
        ["ink.bmp", bitmapOf(40, 24)],
        ["odd.bmp", bitmapOf(56, 32)],
      ] as const) {
        await drop(page, name, bytes);
        await page.getByAltText(`The picture: ${name}`).waitFor();
        answers.push(await firstOf("digitnet.tessera"));
      }
    }
    expect(answers).toEqual(["1", "1", "1", "1"]);
    await drop(page, "torn.bmp", bitmapOf(40, 24).subarray(0, 900));
    await until(() => page.getByRole("alert").innerText()).toContain(
      "torn.bmp: cut short: the BMP file ends",
    );
  });

  test("a pasted picture replaces a drawing, a truncated one does not", async () => {
    await open();
    const three = await sampleBytes(page, "a three");
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await page.locator(".pad canvas").waitFor();
    await paste(page, "three.png", three);
    await page.getByAltText("The picture: three.png").waitFor();
    expect(await firstOf("digitnet.tessera")).toBe("3");
    await paste(page, "torn.png", three.subarray(0, 20));
    await until(() => page.getByRole("alert").innerText()).toBe(
      "torn.png: cut short: the PNG file ends at byte 20, before the image is complete",
    );
    await until(() => page.getByAltText("The picture: three.png").count()).toBe(1);
  });

  test("the camera shows a preview, takes a photograph, and is released", async () => {
    await watchCamera(page);
    await page.goto(`${studio.url}#/classify`);
    const pressed = pressAtOnce(page, "Take the picture");
    await page.getByRole("button", { name: "Camera", exact: true }).click();
    await pressed;
    const photograph = page.getByAltText("The picture: a photograph");
    await photograph.waitFor();
    await until(() => photograph.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(640);
    expect(await brightest(photograph)).toBeGreaterThan(100);
    await until(() => tracks(page)).toEqual(["ended"]);
    // Networks for photographs have replaced those for digits.
    await until(() => column("digitnet.tessera").count()).toBe(0);
    await page.locator(".column [aria-busy=false] .first .share:not(:empty)").first().waitFor();

    await page.getByRole("button", { name: "Camera", exact: true }).click();
    await page.getByRole("button", { name: "Take the picture", disabled: false }).waitFor();
    expect(await tracks(page)).toEqual(["ended", "live"]);
    await page.getByRole("button", { name: "Camera", exact: true }).click();
    await photograph.waitFor();
    await until(() => tracks(page)).toEqual(["ended", "ended"]);
  });

  test("a camera that is blocked or absent is reported", async () => {
    await page.addInitScript(() => {
      const errors = ["NotAllowedError", "NotFoundError"];
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("No.", errors.shift()));
    });
    await page.goto(`${studio.url}#/classify`);
    for (const reason of ["is blocked", "has no camera"]) {
      await page.getByRole("button", { name: "Camera", exact: true }).click();
      await until(() => page.getByRole("alert").innerText()).toContain(reason);
      await page.getByText("Drop a photograph").waitFor();
    }
  });

  test("inside a network: its layers, the maps of a part, where it looked", async () => {
    await page.goto(`${studio.url}#/classify/inside/lenet5.tessera`);
    await page.getByRole("button", { name: "Sample: a five" }).click();
    await until(() => page.locator("h1").innerText()).toBe("LeNet-5");
    await until(() => page.locator("tbody tr").count()).toBeGreaterThan(5);
    await page.getByRole("button", { name: /^c1/ }).click();
    await until(() => page.locator(".maps[aria-busy=false] .map").count()).toBe(6);
    await page.getByAltText("Grad-CAM: where the network looked for 5").waitFor();
    await page.getByAltText("What the middle unit of c1 sees of the input").waitFor();
    const heat = page.locator(".gradcam .square[aria-busy=false] img");
    const five = await heat.getAttribute("src");
    const second = page.locator(".classes .chip").nth(1);
    const [other] = (await second.innerText()).split(" ");
    await second.click();
    await page.getByAltText(`Grad-CAM: where the network looked for ${other}`).waitFor();
    expect(await heat.getAttribute("src")).not.toBe(five);
  });

  test("an address with an unknown network or a truncated escape shows an error", async () => {
    await page.goto(`${studio.url}#/classify/inside/%E0%A4%A`);
    await page.getByText("There is no network “%E0%A4%A” here.").waitFor();
  });

  test("the lineage shows networks with their measured accuracy, and links to their inside", async () => {
    await page.goto(`${studio.url}#/classify/lineage`);
    await page.getByRole("button", { name: "USPS digits" }).click();
    const entry = page.locator(".year", { hasText: "LeCun 1989" });
    expect(await entry.innerText()).toMatch(/1989[\s\S]*9\d\.\d %[\s\S]*9,760/);
    await page.locator(".bubble").first().click();
    await until(() => page.locator("h1").innerText()).toBe("LeCun 1989");
  });

  test("training lists the recipes", async () => {
    await page.goto(`${studio.url}#/train`);
    await until(() => page.locator(".option").count()).toBeGreaterThan(2);
  });

  test.skipIf(!usps)("a run survives a reload of the page and can be stopped", async () => {
    await page.goto(`${studio.url}#/train/lecun1989`);
    await page.getByRole("button", { name: "Full" }).click();
    await page.getByRole("button", { name: "Start training" }).click();
    const progress = page.getByRole("region", { name: "Progress" });
    await progress.getByText(/^[\d,]+ of [\d,]+$/).waitFor();
    await page.reload();
    await progress.getByText("training", { exact: true }).waitFor();
    expect(await progress.locator("h2").innerText()).toBe("lecun1989");
    const refusal = { error: { code: "forbidden", message: "This run is not yours." } };
    await page.route("**/api/train/*", (route) => route.fulfill({ status: 403, json: refusal }), {
      times: 1,
    });
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("alert").getByText("This run is not yours.").waitFor();
    await until(() => shown.complaints).toEqual([expect.stringContaining("403")]);
    shown.complaints = [];
    await page.getByRole("button", { name: "Stop" }).click();
    await progress.getByText("stopped", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Start training", disabled: false }).waitFor();
    expect(Number(await progress.getByRole("progressbar").getAttribute("aria-valuenow"))).toBeLessThan(100);
    const { runs } = await (await fetch(`${studio.url}api/train`)).json();
    expect(runs).toMatchObject([{ recipe: "lecun1989", state: "stopped" }]);
  });

  test("the page runs networks itself, with the same answers", async () => {
    await page.goto(`${studio.url}#/classify`);
    await page.getByRole("button", { name: "In this page" }).click();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.getByRole("button", { name: "Sample: a three" }).click();
    expect(await firstOf("digitnet.tessera")).toBe("3");
    await column("digitnet.tessera").getByRole("link", { name: "Look inside" }).click();
    await page.getByAltText("Grad-CAM: where the network looked for 3").waitFor();
    await until(() => page.locator(".maps[aria-busy=false] .map").count()).toBeGreaterThan(5);
    // The built page keeps class names.
    await until(() => page.locator("tbody tr").first().innerText()).toContain("Conv2d");
    expect(asked.filter((path) => path.startsWith("/api/"))).toEqual([]);
  });

  test("without a data set, the page says how to get it, and which recipe needs none", async () => {
    await page.route("**/api/recipes", async (route) => {
      const { recipes } = await (await route.fetch()).json();
      const absent = recipes.map((recipe: object) => ({ ...recipe, data: "absent" }));
      await route.fulfill({ json: { recipes: absent } });
    });
    await page.goto(`${studio.url}#/train/lecun1989`);
    await page.getByText("npx tessera data get usps").waitFor();
    const start = page.getByRole("button", { name: "Start training" });
    expect(await start.isDisabled()).toBe(true);
    await page.getByText("it trains on digits it draws").waitFor();
    await page.getByRole("button", { name: "In this page" }).click();
    await page.getByRole("button", { name: "Start training", disabled: false }).waitFor();
  });

  test("switching to the page before the server has answered is not undone", async () => {
    const { promise: late, resolve: answer } = Promise.withResolvers<void>();
    await page.route("**/api/health", async (route) => {
      await late;
      await route.continue();
    });
    await page.goto(`${studio.url}#/classify`);
    await page.getByRole("button", { name: "In this page" }).click();
    answer();
    await page.getByRole("button", { name: "This machine", disabled: false }).waitFor();
    await page.locator('.engine [aria-pressed="true"]', { hasText: "In this page" }).waitFor();
    expect(await page.locator('.engine [aria-pressed="true"]').count()).toBe(1);
  });

  test("without a server, the page runs networks itself from the start", async () => {
    await page.route("**/api/**", (route) => route.fulfill({ status: 200, body: "<!doctype html>" }));
    await page.goto(`${studio.url}#/classify`);
    await page.locator('.engine [aria-pressed="true"]', { hasText: "In this page" }).waitFor();
    await until(() => page.getByRole("button", { name: "This machine" }).isDisabled()).toBe(true);
  });

  test("without a server, the page trains a network, which then answers with the others", async () => {
    await page.route("**/api/**", (route) => route.fulfill({ status: 200, body: "<!doctype html>" }));
    await page.goto(`${studio.url}#/train`);
    await page.getByText("it draws its own digits").waitFor();
    await page.getByRole("button", { name: "Full" }).click();
    const progress = page.getByRole("region", { name: "Progress" });
    const stopped = pressAtOnce(page, "Stop", "of 800");
    await page.getByRole("button", { name: "Start training" }).click();
    await stopped;
    await progress.getByText("stopped", { exact: true }).waitFor();
    await progress.getByRole("link", { name: "lecun1989.run_1" }).click();
    await until(() => page.locator("h1").innerText()).toBe("LeCun 1989");
    await page.getByRole("link", { name: "Classify" }).click();
    await page.getByRole("button", { name: "Sample: a three" }).click();
    await page.getByRole("button", { name: /^LeCun 1989.*trained here/ }).click();
    await firstOf("lecun1989.run_1");
  });

  test("accuracy on drawn digits is not listed with that on data sets", async () => {
    await page.route("**/api/**", (route) => route.fulfill({ status: 200, body: "<!doctype html>" }));
    await page.goto(`${studio.url}#/train`);
    await page.getByRole("button", { name: "Start training" }).click();
    await page.getByText(/^done: \d+\.\d\d %$/).waitFor();
    await page.getByRole("link", { name: "lecun1989.run_1" }).waitFor();
    await page.getByRole("link", { name: "Classify" }).click();
    await page.getByRole("link", { name: "Lineage" }).click();
    await page.locator(".years .year").first().waitFor();
    await until(() => page.getByRole("button", { name: "Drawn digits" }).count()).toBe(0);
    await page.getByRole("link", { name: "Compare" }).click();
    await page.getByRole("button", { name: "Sample: a three" }).click();
    expect(await firstOf("digitnet.tessera")).toBe("3");
    const card = page.getByRole("button", { name: /^LeCun 1989.*trained here/ });
    expect(await card.innerText()).not.toContain("%");
  });
});

type Point = readonly [number, number];

/** Draws a stroke on the sheet, in fractions of its side. */
async function draw(page: Page, points: readonly Point[]): Promise<void> {
  const box = (await page.locator(".pad canvas").boundingBox())!;
  const at = ([x, y]: Point): [number, number] => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(points[0]!));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 5 });
  await page.mouse.up();
}

/** Holds back the decoding of files until it is released. */
async function holdPictures(page: Page): Promise<{ count(): Promise<number>; release(): Promise<void> }> {
  const held = await page.evaluateHandle(() => {
    const releases: (() => Promise<unknown>)[] = [];
    const open = createImageBitmap;
    window.createImageBitmap = (source: ImageBitmapSource) =>
      new Promise((resolve) => {
        releases.push(async () => resolve(await open(source)));
      });
    return releases;
  });
  return {
    count: () => held.evaluate((releases) => releases.length),
    release: () =>
      held.evaluate(async (releases) => {
        await Promise.all(releases.map((release) => release()));
        // Everything that follows from it has happened and is visible by then.
        await new Promise((seen) => requestAnimationFrame(() => setTimeout(seen, 100)));
      }),
  };
}

/** A file, padded with zeros. */
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

/** A dark upright stroke on white paper, 40 pixels to a side, as a Windows bitmap. */
function bitmapOf(headerBytes: number, bits: number): Buffer {
  const side = 40;
  const start = 14 + headerBytes;
  const file = Buffer.alloc(start + (side * side * bits) / 8, 0xff);
  file.fill(0, 0, start);
  file.write("BM", "latin1");
  file.writeUInt32LE(start, 10);
  for (const [at, value] of [headerBytes, side, side].entries()) file.writeUInt32LE(value, 14 + 4 * at);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(bits, 28);
  const bytes = bits / 8;
  for (let y = 6; y < 34; y++)
    for (let x = 18; x < 22; x++)
      file.fill(10, start + (y * side + x) * bytes, start + (y * side + x + 1) * bytes);
  return file;
}

/** A PNG file after some text, as the clipboard has a picture copied from a page. */
async function paste(page: Page, name: string, bytes: Buffer): Promise<void> {
  await page.evaluate(
    async ([name, url]) => {
      const clipboardData = new DataTransfer();
      clipboardData.items.add("<img>", "text/html");
      clipboardData.items.add(new File([await (await fetch(url)).blob()], name, { type: "image/png" }));
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
    },
    [name, `data:application/octet-stream;base64,${bytes.toString("base64")}`] as const,
  );
}

/** Clicks a button as soon as it is enabled and something is visible, faster than a user could. */
function pressAtOnce(page: Page, text: string, seen = ""): Promise<void> {
  return page.evaluate(
    ([text, seen]) =>
      new Promise<void>((resolve) => {
        const observer = new MutationObserver(() => {
          const button = [...document.querySelectorAll("button")].find((each) =>
            each.innerText.includes(text),
          );
          if (!button || button.disabled || !document.body.innerText.includes(seen)) return;
          observer.disconnect();
          button.click();
          resolve();
        });
        observer.observe(document.body, {
          subtree: true,
          childList: true,
          attributes: true,
          characterData: true,
        });
      }),
    [text, seen] as const,
  );
}

/** Records the media tracks that the page opens, for `tracks`. */
async function watchCamera(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const opened: MediaStreamTrack[] = [];
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      const stream = await open(wanted);
      opened.push(...stream.getTracks());
      return stream;
    };
    Object.assign(window, { opened });
  });
}

/** The state of each opened track, which must be ended when the camera is left. */
function tracks(page: Page): Promise<MediaStreamTrackState[]> {
  return page.evaluate(() =>
    (window as unknown as { opened: MediaStreamTrack[] }).opened.map(({ readyState }) => readyState),
  );
}

/** The highest value in a picture, 0 to 255; 0 if it is all black. */
function brightest(image: Locator): Promise<number> {
  return image.evaluate(async (image: HTMLImageElement) => {
    await image.decode();
    const context = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext("2d")!;
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.naturalWidth, image.naturalHeight);
    return data.reduce((most, value, i) => (i % 4 === 3 ? most : Math.max(most, value)), 0);
  });
}

/** The file of a sample, as the page serves it. */
async function sampleBytes(page: Page, name: string): Promise<Buffer> {
  const base64 = await page.locator(`[aria-label="Sample: ${name}"] img[src]`).evaluate(async (image) => {
    const bytes = new Uint8Array(await (await fetch((image as HTMLImageElement).src)).arrayBuffer());
    return btoa(String.fromCharCode(...bytes));
  });
  return Buffer.from(base64, "base64");
}
