/** The task on the command line and in the API, with a tiny network in place of a published one. */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipelineOf } from "@tessera-ml/kit";
import { encodeImage, Image, readDepth, readImage } from "@tessera-ml/media";
import { type Studio, startStudio } from "@tessera-ml/studio";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { scratch, tessera } from "../../cli/test/run.ts";
import { DepthEstimator, depthEstimation } from "../src/index.ts";
import { readCompact } from "../src/outputs/compact.ts";
import { operations } from "../src/schemas.ts";
import { shipTiny } from "./support/ship-tiny.ts";
import "./support/tiny-system.ts";

const folder = await scratch();
const env = {
  TESSERA_SYSTEMS: join(import.meta.dirname, "support/tiny-system.ts"),
  TESSERA_MODELS: join(folder, "models"),
  TESSERA_CACHE: join(folder, "cache"),
};
const [WIDTH, HEIGHT] = [40, 30];

const image = new Image(WIDTH, HEIGHT, 3);
for (let i = 0; i < image.data.length; i++) image.data[i] = (i * 37) % 256;
const png = new Uint8Array(await encodeImage(image, "png"));

const run = (...words: readonly string[]) => tessera(words, { cwd: folder, env });
const depth = async (...words: readonly string[]) => {
  const { out, err, code } = await run("depth", ...words, "--size", "56", "--json");
  expect(code, err).toBe(0);
  return JSON.parse(out);
};

beforeAll(async () => {
  await shipTiny(env.TESSERA_MODELS, "depth_tiny.a", "depth_tiny", {
    kind: "disparity",
    preset: "depth_anything_v2",
  });
  await shipTiny(env.TESSERA_MODELS, "depth_tiny.m", "depth_tiny_metric", {
    kind: "metric",
    maxDepth: 10,
    preset: "depth_anything_v2",
  });
  const depths = {
    "depth_tiny_3.r": ["depth_tiny_3", { kind: "disparity", output: "depth", preset: "depth_anything_3" }],
    "depth_tiny_3.m": ["depth_tiny_3", { kind: "metric", output: "focal", preset: "depth_anything_3" }],
    "depth_tiny_video.m": [
      "depth_tiny_video",
      { kind: "metric", output: "metres", preset: "depth_anything_v2" },
    ],
  } as const;
  for (const [name, [network, fields]] of Object.entries(depths))
    await shipTiny(env.TESSERA_MODELS, name, network, fields);
  await writeFile(join(folder, "a.png"), png);
  await writeFile(join(folder, "b.png"), png);
  await copyFile(
    join(env.TESSERA_MODELS, "depth_tiny.a/model.safetensors"),
    join(folder, "bare.safetensors"),
  );
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
});
afterAll(() => vi.unstubAllEnvs());

test("without a name, a downloaded checkpoint comes before those that ship with Tessera", async () => {
  const { defaultCheckpoint } = await depthEstimation.load();
  expect(await defaultCheckpoint()).toBe("depth_tiny.a");
  const name = "midas_v21_small_256.original";
  const at = join(env.TESSERA_CACHE, "models", name);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, "midas_v21_small_256.pt"), "weights");
  expect(await defaultCheckpoint()).toBe(name);
  await rm(at, { recursive: true });
});

describe("the estimator", () => {
  test("the type of a result says what it is, in the size of the image", async () => {
    const relative = await DepthEstimator.load("depth-tiny-small");
    const found = await pipelineOf(relative)(image, { size: 56 });
    if (found.kind !== "disparity") throw new Error("expected disparity");
    expect(found.disparity).toHaveLength(WIDTH * HEIGHT);
    expect("metres" in found).toBe(false);
    expect(Math.max(...found.disparity)).toBeGreaterThan(Math.min(...found.disparity));
    // A batch of other shapes, in order, says the same of each image.
    const tall = new Image(20, 50, 3, image.data.slice(0, 3000));
    const [first, second, third] = await relative.answer([image, tall, image], { size: 56 });
    expect([second!.width, second!.height]).toEqual([20, 50]);
    for (const one of [first!, third!]) {
      if (one.kind !== "disparity") throw new Error("expected disparity");
      for (const [i, value] of one.disparity.entries()) expect(value).toBeCloseTo(found.disparity[i]!, 4);
    }
    relative.release();
  });

  test("metres are below the record's largest depth, which scales them", async () => {
    const metric = await DepthEstimator.load("depth_tiny.m");
    const found = await metric.estimate(image, { size: 56 });
    if (found.kind !== "metric") throw new Error("expected metres");
    // The last layer gives values around 2 before the sigmoid: near the largest depth.
    expect(Math.max(...found.metres)).toBeLessThanOrEqual(10);
    expect(Math.max(...found.metres)).toBeGreaterThan(5);
    expect("disparity" in found).toBe(false);
    metric.release();
  });

  test("a network that gives depth answers with disparity, or with metres by the focal length", async () => {
    const [relative, metric] = [
      await DepthEstimator.load("depth_tiny_3.r"),
      await DepthEstimator.load("depth_tiny_3.m"),
    ];
    const found = await relative.estimate(image, { size: 56 });
    if (found.kind !== "disparity") throw new Error("expected disparity");
    expect(Math.min(...found.disparity)).toBeGreaterThan(0);
    const metres = async (focalLength: number) => {
      const result = await metric.estimate(image, { size: 56, focalLength });
      if (result.kind !== "metric") throw new Error("expected metres");
      expect(result.maxDepth).toBe(Math.max(...result.metres));
      return result.metres;
    };
    const [near, far] = [await metres(300), await metres(600)];
    for (const [i, value] of near.entries()) expect(far[i]! / value).toBeCloseTo(2, 4);
    // The same weights: 40 x 30 becomes 56 x 42, which makes a focal length of 300 one of 420; metres = depth · 420 / 300.
    const middle = 15 * WIDTH + 20;
    expect(near[middle]! * found.disparity[middle]!).toBeCloseTo(1.4, 1);
    relative.release();
    metric.release();
  });

  test("a network for videos sees an image as a clip of one frame", async () => {
    const estimator = await DepthEstimator.load("depth_tiny_video.m");
    const found = await estimator.estimate(image, { size: 56 });
    if (found.kind !== "metric") throw new Error("expected metres");
    expect(new Set(found.metres).size).toBeGreaterThan(100);
    estimator.release();
  });

  test("other presets resize in other ways", async () => {
    const estimator = await DepthEstimator.load("depth_tiny.a");
    const values = async (preset: "depth_anything" | "transformers" | "depth_anything_v2") => {
      const found = await estimator.estimate(image, { size: 56, preset });
      return found.kind === "disparity" ? [...found.disparity] : [];
    };
    const [v1, v2, hf] = [
      await values("depth_anything"),
      await values("depth_anything_v2"),
      await values("transformers"),
    ];
    expect(v1).not.toEqual(v2);
    expect(hf).not.toEqual(v2);
    await expect(estimator.estimate(image, { size: 3 })).rejects.toThrow(
      "size: expected at least 14 pixels, got 3",
    );
    await expect(estimator.estimate(image, { focalLength: 0 })).rejects.toThrow(
      "focalLength: expected a positive",
    );
    estimator.release();
  });
});

describe("on the command line", () => {
  test("answers with what the numbers mean and a picture", async () => {
    const [relative, metric] = await depth("a.png", "-m", "depth_tiny.a", "-m", "depth_tiny.m");
    expect(relative).toMatchObject({
      model: "depth_tiny.a",
      kind: "disparity",
      width: WIDTH,
      height: HEIGHT,
    });
    expect(relative.max).toBeGreaterThan(relative.min);
    expect(metric).toMatchObject({ kind: "metric", camera: { from: "assumed" } });
    const shown = await readImage(relative.png);
    expect([shown.width, shown.height, shown.channels]).toEqual([WIDTH, HEIGHT, 3]);
  });

  test("--out writes a file, or a folder of them", async () => {
    const [{ file }] = await depth("a.png", "-m", "depth_tiny.m", "--out", "metres.png");
    expect(file).toBe("metres.png");
    const [{ min, max }] = await depth("a.png", "-m", "depth_tiny.m");
    const { data } = await readDepth(join(folder, "metres.png"));
    expect(Math.min(...data)).toBeCloseTo(min, 2);
    expect(Math.max(...data)).toBeCloseTo(max, 2);
    await depth("a.png", "b.png", "-m", "depth_tiny.a", "--out", "maps");
    expect((await readdir(join(folder, "maps"))).toSorted()).toEqual(["a.png", "b.png"]);
    await depth("a.png", "-m", "depth_tiny.a", "-m", "depth_tiny.m", "--out", "values/*.npy");
    expect((await readdir(join(folder, "values"))).toSorted()).toEqual([
      "a.depth_tiny.a.npy",
      "a.depth_tiny.m.npy",
    ]);
    const npy = await readFile(join(folder, "values/a.depth_tiny.a.npy"));
    expect(npy.toString("latin1", 0, 128)).toContain(`'shape': (${HEIGHT}, ${WIDTH})`);
  });

  test("--known and --sensor turn a relative map into metres", async () => {
    const estimator = await DepthEstimator.load("depth_tiny.a");
    const found = await estimator.estimate(image, { size: 56 });
    estimator.release();
    if (found.kind !== "disparity") throw new Error("expected disparity");
    const place = (value: number) => {
      const i = found.disparity.indexOf(value);
      return `${i % WIDTH},${Math.floor(i / WIDTH)}`;
    };
    const near = `${place(found.disparity.reduce((a, b) => Math.max(a, b)))}=1`;
    const far = `${place(found.disparity.reduce((a, b) => Math.min(a, b)))}=5`;
    const [{ alignment, ...metric }] = await depth(
      ...["a.png", "-m", "depth_tiny.a", "--known", near, "--known", far],
    );
    expect(metric.min).toBeCloseTo(1, 2);
    expect(metric.max).toBeCloseTo(5, 2);
    expect(metric).toMatchObject({ kind: "metric" });
    expect(alignment).toMatchObject({ points: 2 });
    expect("expectedError" in alignment).toBe(false);
    await writeFile(join(folder, "sensor.csv"), [near, far].join("\n").replaceAll("=", ","));
    const [again] = await depth("a.png", "-m", "depth_tiny.a", "--sensor", "sensor.csv");
    expect(again.alignment).toEqual(alignment);
    const [{ file }] = await depth(
      ...["a.png", "-m", "depth_tiny.a", "--sensor", "sensor.csv", "--out", "known.png"],
    );
    expect(file).toBe("known.png");
  });

  test.each([
    [["--known", "1,2"], "--known: expected x,y=metres"],
    [["--known", "1,2=3"], "expected at least 2 points with known distances, got 1"],
    [["--known", "1,2=3", "--known", "90,2=3"], "(90, 2) is outside of the map, 40 x 30"],
    [["-m", "depth_tiny.m", "--known", "1,2=3", "--known", "5,2=4"], "depth_tiny.m gives metres already"],
    [["--sensor", "none.csv"], "none.csv: no such file"],
    [["--out", "a.xyz"], "--out a.xyz: expected a folder, or a name that ends in one of .png"],
    [["b.png", "--out", "one.ply"], "--out one.ply: 2 answers do not fit in one file"],
    [["./a.png", "--out", "maps"], "would both be written to maps/a.png"],
    [["-m", "bare.safetensors"], "fit 2 networks equally well: depth_tiny, depth_tiny_metric"],
    [["-m", "bare.safetensors", "-n", "depth_anything_v2_vits"], "bare.safetensors"],
    [
      ["-m", "bare.safetensors", "-n", "dinov2_vits14"],
      "dinov2_vits14 does not estimate the depth of an image",
    ],
    [["--style", "16-bit", "--out", "a.jpg"], "a.jpg cannot hold 16 bits"],
  ])("says what is wrong with %j", async (words, message) => {
    const { err, code } = await run("depth", "a.png", "--size", "56", ...words);
    expect(code).not.toBe(0);
    expect(err).toContain(message);
    expect(err.match(/error:/g)).toHaveLength(1);
  });
});

describe("in the studio", () => {
  let studio: Studio;
  beforeAll(async () => {
    studio = await startStudio({ port: 0, page: folder });
  });
  afterAll(() => studio?.close());

  const ask = (path: string, question: object) =>
    fetch(`${studio.url}api/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ image: Buffer.from(png).toString("base64"), size: 56, ...question }),
    });

  test("its route answers with values where they are asked for", async () => {
    const response = await ask("depth", { models: ["depth_tiny.a"], values: 20 });
    const { results } = await response.json();
    const [{ values, ...about }] = results;
    expect(about).toMatchObject({ kind: "disparity", width: WIDTH, height: HEIGHT });
    expect("png" in about).toBe(false);
    expect(values).toMatchObject({ width: 20, height: 15 });
    const { data } = await readCompact(values);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(about.min);
    expect(Math.max(...data)).toBeLessThanOrEqual(about.max);
    expect(new Set(data).size).toBeGreaterThan(100);
  });

  test("its operations look inside a network", async () => {
    const look = async <N extends keyof typeof operations>(name: N, question: object) => {
      const response = await ask(operations[name].path, { model: "depth_tiny.a", ...question });
      return operations[name].answer.parse(await response.json());
    };
    const attention = operations.attention.answer.parse(
      await look("attention", { x: 0.9, y: 0.1, block: 1 }),
    );
    expect(attention).toMatchObject({ rows: 4, columns: 5, patch: { row: 0, column: 4 }, block: 1 });
    expect([attention.blocks.length, attention.heads.length]).toEqual([4, 2]);
    const tokens = operations.tokens.answer.parse(await look("tokens", {}));
    expect(tokens).toMatchObject({ block: 3, blocks: 4 });
    const colours = await readImage(tokens.png);
    expect([colours.width, colours.height]).toEqual([5, 4]);
    const { fusions } = operations.stages.answer.parse(await look("stages", {}));
    expect(fusions.map(({ stage, shows, change }) => [stage, shows, change !== undefined])).toEqual([
      [4, "reading", false],
      [3, "reading", true],
      [2, "reading", true],
      [1, "reading", true],
    ]);
    const wrong = await ask(operations.tokens.path, { model: "depth_tiny.a", block: 9 });
    expect(wrong.status).toBe(400);
    expect((await wrong.json()).error.message).toBe("block: expected 0 to 3, got 9");
  });

  test("its route answers with a picture of 16 bits", async () => {
    const response = await ask("depth", { models: ["depth_tiny.m"], style: "16-bit" });
    const { results } = await response.json();
    expect(results).toMatchObject([{ model: "depth_tiny.m", kind: "metric", width: WIDTH, unit: 0.001 }]);
    const { data } = await readDepth(Buffer.from(results[0].png.split(",")[1], "base64"));
    expect(Math.max(...data)).toBeCloseTo(results[0].max, 2);
  });
});
