/** Checkpoints fetched as in a browser: `NAME/record.json` and the file beside it. */
import { Image } from "@tessera-ml/media";
import { encodeSafetensors } from "@tessera-ml/nn";
import { manualSeed } from "@tessera-ml/tensor";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { openNamed } from "../../../kit/src/open/web.ts";
import { createNetwork, ImageClassifier } from "../../src/index.ts";
import { opener } from "../../src/pipeline/opener.ts";

let bytes: Uint8Array<ArrayBuffer>;
let record: Record<string, unknown>;
beforeAll(async () => {
  manualSeed(0);
  const state = [...createNetwork("digitnet").stateDict()];
  const tensors = state.map(async ([name, variable]) => ({
    name,
    dtype: variable.dtype,
    shape: variable.shape,
    data: await variable.data(),
  }));
  bytes = await encodeSafetensors(await Promise.all(tensors));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  record = {
    name: "digitnet.tessera",
    task: "image-classification",
    network: "digitnet",
    source: "tessera",
    files: [
      {
        file: "model.safetensors",
        size: bytes.length,
        sha256: Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(""),
      },
    ],
    licence: "Apache-2.0",
    preprocessing: { library: "pil", interpolation: "bilinear", mean: [0.5], std: [0.5] },
    classes: { count: 10, labels: "digits" },
    reference: "none",
  };
});
afterEach(() => vi.unstubAllGlobals());

/** Mocks a server with the given files. */
function serve(files: Readonly<Record<string, BodyInit>>): void {
  vi.stubGlobal("fetch", async (address: string) => {
    const body = files[String(address)];
    return body === undefined
      ? new Response("", { status: 404, statusText: "Not Found" })
      : new Response(body);
  });
}
const all = () => ({
  "shelf/digitnet.tessera/record.json": JSON.stringify(record),
  "shelf/digitnet.tessera/model.safetensors": bytes,
});

describe("a checkpoint beside the page", () => {
  test("is fetched with progress, by its name or its network's", async () => {
    serve(all());
    const received: number[] = [];
    const progress = ({ received: count }: { received: number }) => received.push(count);
    const opened = await openNamed(opener, "digitnet", { base: "shelf/", progress });
    expect(opened.record.name).toBe("digitnet.tessera");
    expect(opened.checkpoint.names()).toContain("conv1.weight");
    expect(received.at(-1)).toBe(bytes.length);
  });

  test.each([
    ["is not there", () => ({}), "shelf/digitnet.tessera/record.json: 404 Not Found"],
    [
      "is a page instead",
      () => ({ ...all(), "shelf/digitnet.tessera/record.json": "<!doctype html>" }),
      /^shelf\/digitnet\.tessera\/record\.json: not a valid checkpoint record\nSyntaxError: .*<!doctype html>/,
    ],
    [
      "has a corrupt record",
      () => ({
        ...all(),
        "shelf/digitnet.tessera/record.json": JSON.stringify({ ...record, classes: { count: "ten" } }),
      }),
      /^shelf\/digitnet\.tessera\/record\.json: not a valid checkpoint record\n✖ .*number[\s\S]*→ at classes\.count/,
    ],
    [
      "is cut short",
      () => ({ ...all(), "shelf/digitnet.tessera/model.safetensors": bytes.slice(0, 1000) }),
      /model\.safetensors: expected \d+ bytes, got 1000/,
    ],
    [
      "is damaged",
      () => ({
        ...all(),
        "shelf/digitnet.tessera/model.safetensors": bytes.map((b, i) => (i === 5000 ? b ^ 1 : b)),
      }),
      /model\.safetensors: expected SHA-256/,
    ],
  ])("that %s", async (_, files, message) => {
    serve(files());
    await expect(openNamed(opener, "digitnet.tessera", { base: "shelf" })).rejects.toThrow(message);
  });
});

test.runIf("window" in globalThis)("a page classifies a drawing", async () => {
  serve(all());
  const classifier = await ImageClassifier.load("digitnet", { base: "shelf" });
  const drawing = new Image(100, 100, 1);
  drawing.data.fill(255);
  for (let y = 20; y < 80; y++) drawing.data.fill(0, y * 100 + 45, y * 100 + 55);
  const { predictions, seen } = await classifier.classify(drawing, { top: 10 });
  expect(predictions.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 4);
  expect(seen.width).toBeCloseTo(84, 0);
  expect((await classifier.prepare(drawing)).digit?.width).toBe(28);
  classifier.release();
});
