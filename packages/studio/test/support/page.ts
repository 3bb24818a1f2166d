/** Tests of the page: a server, headless Chromium, and a fresh page for every test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { chromiumPath } from "../../../../tools/chromium.ts";
import { type Studio, startStudio } from "../../src/server/index.ts";

/** Timeout in milliseconds, generous for slow or busy machines. */
export const PATIENCE = 120_000;

/** A fake camera with Chromium's test video, and no permission prompt. */
const FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

/** What a test works with; `page` and `complaints` are new for each. */
export interface PageTest {
  readonly studio: Studio;
  readonly page: Page;
  /** Errors of the page. A test fails if any are left at its end. */
  complaints: string[];
}

/**
 * Call it in a `describe`.
 *
 * @param height of the page
 * @param prepare sets the environment of the server; `folder` is removed at the end
 */
export function pageTests(height: number, prepare: (folder: string) => void | Promise<void>): PageTest {
  let folder: string;
  let browser: Browser;
  const current = {} as { studio: Studio; page: Page; complaints: string[] };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tessera-page-test-"));
    await prepare(folder);
    current.studio = await startStudio({ port: 0 });
    browser = await chromium.launch({ executablePath: chromiumPath(), args: FAKE_CAMERA, timeout: PATIENCE });
  });
  afterAll(async () => {
    await browser?.close();
    await current.studio?.close();
    await rm(folder, { recursive: true, force: true });
    vi.unstubAllEnvs();
  });
  beforeEach(async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height } });
    page.setDefaultTimeout(PATIENCE);
    current.page = page;
    current.complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error") current.complaints.push(message.text());
    });
    page.on("pageerror", (error) => current.complaints.push(error.message));
  });
  afterEach(async () => {
    await current.page.close();
    expect(current.complaints).toEqual([]);
  });
  return current;
}
