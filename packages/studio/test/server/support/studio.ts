/** A studio for one test file, with tiny networks that need no download. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shipCheckpoint } from "@tessera-ml/hub";
import { encodeImage, Image } from "@tessera-ml/media";
import { manualSeed } from "@tessera-ml/tensor";
import { type ClassifierRecord, createNetwork, networks } from "@tessera-ml/vision";
import { afterAll, beforeAll, vi } from "vitest";
import { type Studio, type StudioOptions, startStudio } from "../../../src/server/index.ts";

/** Untrained networks: their answers are nonsense, but well-formed. */
export const MODELS = ["cifar_resnet20.test", "lecun1989.test"] as const;

export interface TestStudio {
  /** Without a trailing slash. */
  readonly url: string;
  readonly studio: Studio;
  readonly folder: string;
}

/** Starts before the tests of a file and closes after them. */
export function testStudio(options: StudioOptions = {}, models: readonly string[] = MODELS): TestStudio {
  const state: { current?: TestStudio } = {};
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "tessera-studio-test-"));
    vi.stubEnv("TESSERA_MODELS", join(folder, "models"));
    vi.stubEnv("TESSERA_CACHE", join(folder, "cache"));
    for (const name of models) await ship(folder, name);
    const page = join(folder, "page");
    await mkdir(join(page, "assets"), { recursive: true });
    await writeFile(join(page, "index.html"), "<!doctype html><title>Studio</title>");
    await writeFile(join(page, "assets", "main-3f9a.js"), "export const a = 1;\n");
    await writeFile(join(folder, "secret.txt"), "not to be served");
    const studio = await startStudio({ port: 0, page, ...options });
    state.current = { studio, folder, url: studio.url.replace(/\/$/, "") };
  });
  afterAll(async () => {
    await state.current?.studio.close();
    if (state.current) await rm(state.current.folder, { recursive: true, force: true });
    vi.unstubAllEnvs();
  });
  return new Proxy({} as TestStudio, { get: (_, key: keyof TestStudio) => state.current?.[key] });
}

async function ship(folder: string, name: string): Promise<void> {
  const [network = ""] = name.split(".");
  const { network: entry } = networks.find(network);
  manualSeed(1);
  const model = createNetwork(network);
  await mkdir(join(folder, "models", name), { recursive: true });
  await model.save(join(folder, "models", name, "model.safetensors"));
  const { channels, inputSize: side, classes } = entry;
  const kind = channels === 1 ? "digits" : classes === 10 ? "cifar10" : "imagenet-1k";
  await shipCheckpoint<ClassifierRecord>({
    name,
    task: "image-classification",
    network,
    source: "tessera",
    files: [{ file: "model.safetensors" }],
    licence: "Apache-2.0",
    preprocessing: {
      library: "pil",
      interpolation: "bilinear",
      resize: [side, side],
      mean: Array(channels).fill(0.5),
      std: Array(channels).fill(0.5),
    },
    classes: { count: classes, labels: kind },
    evaluation: {
      dataset: { digits: "usps", cifar10: "cifar10-jpeg", "imagenet-1k": "imagenet" }[kind],
      metrics: { top1: 10 },
    },
    reference: entry.paper,
  });
}

/** A picture file that suits networks for photographs and for digits: a stroke on light paper. */
export async function picture(
  width = 48,
  height = 40,
  format: "png" | "jpeg" = "png",
): Promise<Uint8Array<ArrayBuffer>> {
  const image = new Image(width, height, 3);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const ink = Math.abs(x - width / 2) < width / 12 && Math.abs(y - height / 2) < height / 3;
      for (let c = 0; c < 3; c++) image.data[i++] = ink ? 10 + 20 * c : 235 + ((x * (c + 1) + y) % 20);
    }
  return new Uint8Array(await encodeImage(image, format));
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

export function postJson(url: string, body: unknown, options: RequestInit = {}): Promise<Response> {
  const headers = { "content-type": "application/json", ...options.headers };
  return fetch(url, { method: "POST", ...options, headers, body: JSON.stringify(body) });
}

export function postForm(
  url: string,
  fields: Readonly<Record<string, string | readonly string[] | Uint8Array<ArrayBuffer>>>,
  options: RequestInit = {},
): Promise<Response> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Uint8Array) body.append(name, new Blob([value]), "picture");
    else for (const text of typeof value === "string" ? [value] : value) body.append(name, text);
  }
  return fetch(url, { method: "POST", ...options, body });
}

/** The error of a response; fails if it is a success or exposes internal details. */
export async function errorOf(
  response: Response,
): Promise<{ status: number; code: string; message: string; field?: string }> {
  const text = await response.text();
  if (response.ok) throw new Error(`expected an error, got ${response.status}: ${text.slice(0, 200)}`);
  if (/\bat .*\.[tj]s:\d+/.test(text)) throw new Error(`the answer holds a stack trace: ${text}`);
  const { error, ...rest } = JSON.parse(text);
  if (Object.keys(rest).length > 0) throw new Error(`expected only "error", got ${text}`);
  return { status: response.status, ...error };
}
