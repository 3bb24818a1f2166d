import { readImage } from "@tessera-ml/media";
import { operations } from "@tessera-ml/vision/schemas";
import { describe, expect, it } from "vitest";
import { lineageAnswer, modelAnswer, modelsAnswer } from "../../src/api/index.ts";
import { base64, errorOf, MODELS, picture, postForm, postJson, testStudio } from "./support/studio.ts";

const [cifar, digits] = MODELS;
const vit = "vit_tiny_patch16_224.test";
const studio = testStudio({}, [...MODELS, vit]);
const get = (path: string) => fetch(`${studio.url}/api${path}`);
const inspect = async (what: string, body: object) =>
  postJson(`${studio.url}/api/inspect/${what}`, { image: base64(await picture()), ...body });

/** The size of the picture in a data: URL. */
async function sizeOf(png: string): Promise<{ width: number; height: number }> {
  expect(png).toMatch(/^data:image\/png;base64,/);
  const { width, height } = await readImage(png);
  return { width, height };
}

describe("models", () => {
  it("lists every checkpoint with its cost and place", async () => {
    const { models } = modelsAnswer.parse(await (await get("/models")).json());
    expect(models.length).toBeGreaterThan(80);
    const by = new Map(models.map((model) => [model.name, model]));
    expect(by.get(cifar)).toMatchObject({
      network: "cifar_resnet20",
      title: "ResNet-20 for CIFAR",
      year: 2015,
      params: 269_722,
      inputSize: 32,
      channels: 3,
      classes: { count: 10, kind: "cifar10" },
      accuracy: { dataset: "cifar10-jpeg", top1: 10 },
      place: "shipped",
    });
    expect(by.get(digits)).toMatchObject({ params: 9760, channels: 1, inputSize: 16, place: "shipped" });
    // No other test asks for this one, which would count it.
    const vgg = by.get("vgg19.tv_in1k_v1");
    expect(vgg).toMatchObject({ place: "absent", params: 143_667_240, classes: { kind: "imagenet-1k" } });
    expect(vgg!.macs).toBeUndefined();
  });

  it("shows a network layer by layer, on this machine or not", async () => {
    const { model, layers, parts } = modelAnswer.parse(await (await get(`/models/${cifar}`)).json());
    expect(model.name).toBe(cifar);
    expect(layers[0]).toMatchObject({
      path: "conv1",
      inputShape: [1, 3, 32, 32],
      outputShape: [1, 16, 32, 32],
    });
    expect(layers.reduce((sum, { params }) => sum + params, 0)).toBe(model.params);
    expect(layers.reduce((sum, { macs }) => sum + macs, 0)).toBe(model.macs);
    expect(parts.at(-1)!.shape).toEqual([1, 10]);
    const absent = modelAnswer.parse(await (await get("/models/vgg16")).json());
    expect(absent.model.place).toBe("absent");
    // 15.5 GMAC, as published.
    expect(absent.model.macs! / 1e9).toBeCloseTo(15.5, 1);
    expect(await errorOf(await get("/models/vgg61"))).toMatchObject({ status: 404 });
  });

  it("lists the history of measured checkpoints", async () => {
    const { lineage } = lineageAnswer.parse(await (await get("/lineage")).json());
    expect(lineage.map(({ name }) => name)).toEqual(expect.arrayContaining([cifar, digits]));
    expect(lineage.map(({ year }) => year)).toEqual(
      lineage.map(({ year }) => year).toSorted((a, b) => a - b),
    );
  });
});

describe("POST /api/inspect", () => {
  it("features: returns the strongest maps of a part", async () => {
    const { parts } = await (await get(`/models/${cifar}`)).json();
    const { name, shape } = parts.find((part: { shape: number[] }) => part.shape[2] === 16);
    const answer = operations.features.answer.parse(
      await (await inspect("features", { model: cifar, part: name, limit: 5 })).json(),
    );
    expect(answer).toMatchObject({ part: name, shape: shape.slice(1) });
    expect(answer.maps).toHaveLength(5);
    expect(new Set(answer.maps.map(({ channel }) => channel)).size).toBe(5);
    for (const { png, low, high } of answer.maps) {
      expect(await sizeOf(png)).toEqual({ width: 16, height: 16 });
      expect(high).toBeGreaterThanOrEqual(low);
    }
  });

  it("gradcam: explains the most probable class, or another", async () => {
    const ask = async (body: object) =>
      operations.gradcam.answer.parse(await (await inspect("gradcam", { model: cifar, ...body })).json());
    const best = await ask({});
    const other = await ask({ class: (best.class + 1) % 10 });
    expect(other.class).toBe((best.class + 1) % 10);
    expect(other.probability).toBeLessThan(best.probability);
    const size = await sizeOf(best.heat);
    expect(Math.max(size.width, size.height)).toBe(448);
    expect(size.width / size.height).toBeCloseTo(best.seen.width / best.seen.height, 1);
    const form = await postForm(`${studio.url}/api/inspect/gradcam`, {
      image: await picture(),
      model: cifar,
      class: String(best.class),
    });
    expect(operations.gradcam.answer.parse(await form.json())).toMatchObject({
      class: best.class,
      label: best.label,
    });
  });

  it("attention: returns every head of every block", async () => {
    const { blocks, rollout } = operations.attention.answer.parse(
      await (await inspect("attention", { model: vit })).json(),
    );
    expect(blocks.map(({ block }) => block)).toEqual(blocks.map((_, index) => index));
    const { width, height } = await sizeOf(blocks[0]!.heads[0]!);
    expect(width).toBe(height);
    expect(await sizeOf(blocks.at(-1)!.mean)).toEqual({ width, height });
    expect((await sizeOf(rollout)).width).toBe(448);
    const error = await errorOf(await inspect("attention", { model: cifar }));
    expect(error).toMatchObject({ status: 422, code: "unsuitable" });
  });

  it("receptive-field: returns a picture as large as the input", async () => {
    const { parts } = await (await get(`/models/${digits}`)).json();
    const body = { model: digits, part: parts[0].name };
    const response = await postJson(`${studio.url}/api/inspect/receptive-field`, body);
    const { png, size } = operations.receptiveField.answer.parse(await response.json());
    expect(size).toBe(16);
    expect(await sizeOf(png)).toEqual({ width: 16, height: 16 });
  });

  it.each([
    ["features", { model: cifar }, 400, "part"],
    ["features", { model: cifar, part: "nothing" }, 404, "part"],
    ["features", { model: cifar, part: "stem", limit: 0 }, 400, "limit"],
    ["features", { part: "stem" }, 400, "model"],
    ["features", { model: cifar, part: "stem", image: "http://x/y.png" }, 400, "image"],
    ["features", { model: "nothing_like_it", part: "stem" }, 404, undefined],
    ["features", { model: "vgg16", part: "features" }, 409, undefined],
    ["gradcam", { model: cifar, class: 10 }, 400, "class"],
    ["gradcam", { model: cifar, class: -1 }, 400, "class"],
    ["gradcam", { model: cifar, part: "nothing" }, 404, "part"],
    ["attention", {}, 400, "model"],
    ["receptive-field", { model: cifar, part: "nothing", image: undefined }, 404, "part"],
    ["receptive-field", { model: cifar, part: "stem" }, 400, "image"],
  ])("refuses %s of %j", async (what, body, status, field) => {
    const error = await errorOf(await inspect(what, body));
    expect(error).toMatchObject({ status });
    expect(error.field).toBe(field);
  });
});
