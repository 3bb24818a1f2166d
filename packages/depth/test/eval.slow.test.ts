/** `tessera eval` of depth, with tiny networks. */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Image, Planes, writeDepth, writeImage } from "@tessera-ml/media";
import { beforeAll, describe, expect, test } from "vitest";
import { scratch, tessera } from "../../cli/test/run.ts";
import { shipTiny } from "./support/ship-tiny.ts";

const folder = await scratch();
const env = {
  TESSERA_SYSTEMS: join(import.meta.dirname, "support/tiny-system.ts"),
  TESSERA_MODELS: join(folder, "models"),
};
const run = (...words: readonly string[]) =>
  tessera(["eval", ...words], { cwd: folder, env: { ...env, TESSERA_THREADS: "1" } });
const json = async (...words: readonly string[]) => {
  const { out, err, code } = await run(...words, "--size", "56", "--json");
  expect(code, err).toBe(0);
  return JSON.parse(out);
};

const [WIDTH, HEIGHT] = [40, 30];
const COUNT = WIDTH * HEIGHT;

function photograph(seed: number): Image {
  const image = new Image(WIDTH, HEIGHT, 3);
  for (let i = 0; i < image.data.length; i++) image.data[i] = (i * (37 + seed)) % 256;
  return image;
}

/** From `near` metres, 10 m deep; the first row is not measured. */
function room(near: number): Planes {
  const data = Float32Array.from({ length: COUNT }, (_, i) => (i < WIDTH ? 0 : near + (10 * i) / COUNT));
  return new Planes(1, HEIGHT, WIDTH, data);
}

beforeAll(async () => {
  const preset = "depth_anything_v2";
  const ship = (name: string, network: string, depth: object) =>
    shipTiny(env.TESSERA_MODELS, name, network, { ...depth, preset });
  await ship("depth_tiny.a", "depth_tiny", { kind: "disparity" });
  await ship("depth_tiny.m", "depth_tiny_metric", { kind: "metric", maxDepth: 10 });
  for (const set of ["tum", "own"])
    for (let i = 0; i < 3; i++) {
      await writeImage(join(folder, "sets", set, `rgb/${i}.png`), photograph(i));
      await writeDepth(join(folder, "sets", set, `depth/${i}.png`), room(1 + i));
    }
  await writeFile(join(folder, "sets/tum/set.json"), `{"units": "metres = value / 1000"}`);
  await writeFile(join(folder, "sets/tum/depth/1.png"), "damaged");

  for (const name of ["images/indoor/a.png", "images/indoor/b.png", "images/water/c.png"])
    await writeImage(join(folder, "DA-2K", name), photograph(0));
  const pair = (closer: string) => ({ point1: [3, 4], point2: [20, 30], closer_point: closer });
  const annotations = {
    "images/indoor/a.png": [pair("point1"), pair("point2"), pair("point1")],
    "images/indoor/b.png": [{ point1: [30, 4], point2: [20, 30], closer_point: "point1" }],
    "images/water/c.png": [pair("point2")],
    "images/water/gone.png": [pair("point2")],
  };
  await writeFile(join(folder, "DA-2K/annotations.json"), JSON.stringify(annotations));
  await mkdir(join(folder, "empty"));
});

describe("sets in a folder", () => {
  test("a broken pair and a set in unknown units are skipped and named", async () => {
    const found = await json("depth_tiny.a", "--data", "sets");
    expect(found).toMatchObject({
      checkpoint: "depth_tiny.a",
      count: 2,
      kind: "disparity",
      align: "least-squares",
    });
    expect(found.sets).toMatchObject([{ name: "tum", layout: "plain", cap: 10 }]);
    const [set] = found.sets;
    expect(set.images.map(({ name }: { name: string }) => name)).toEqual(["0", "2"]);
    // Up to 10 m, without the row that is not measured: 1 m to 11 m, and 3 m to 13 m.
    expect(set.images.map(({ valid }: { valid: number }) => valid)).toEqual([
      0.9 * COUNT - WIDTH,
      0.7 * COUNT - WIDTH,
    ]);
    const mean = (set.images[0].metrics.absRel + set.images[1].metrics.absRel) / 2;
    expect(found.metrics.absRel).toBeCloseTo(mean, 9);
    expect(found.skipped).toHaveLength(2);
    expect(found.skipped[0].reason).toContain("own: nothing says what the numbers of its depth maps mean");
    expect(found.skipped[1]).toEqual({ name: "tum: 1", reason: expect.stringContaining("depth/1.png") });

    const all = await json(
      "depth_tiny.a",
      "--data",
      "sets",
      "--units",
      "metres = value / 1000",
      "--limit",
      "2",
    );
    expect(all.sets).toMatchObject([
      { name: "own", cap: 80 },
      { name: "tum", cap: 10 },
    ]);
    expect(all.sets[0].images).toHaveLength(2);
  });

  test("options change what counts", async () => {
    const options = ["--data", "sets/tum", "--limit", "1"];
    const [{ images, cap, crop }] = (await json("depth_tiny.a", ...options, "--cap", "6", "--crop", "garg"))
      .sets;
    expect({ cap, crop }).toEqual({ cap: 6, crop: "garg" });
    // Rows 12 to 14 of the crop are below 6 m; it has columns 1 to 37.
    expect(images[0].valid).toBe(3 * 37);
    const metric = async (...more: string[]) => (await json("depth_tiny.m", ...options, ...more)).metrics;
    const [plain, median] = [await metric(), await metric("--align", "median")];
    expect(median.silog).toBeCloseTo(plain.silog, 2);
    expect(median.absRel).toBeLessThan(plain.absRel);
  });

  test("a table for people, and a page with the worst cases", async () => {
    const { out, err, code } = await run(
      ...["depth_tiny.a", "--data", "sets/tum", "--size", "56", "--report", "pages/report.html"],
    );
    expect(code, err).toBe(0);
    expect(out).toMatch(/^SET +IMAGES +AbsRel +δ1 +δ2/m);
    expect(out).toMatch(/^tum +2 +\d\.\d{3} ± \d\.\d{3}/m);
    expect(out).toMatch(/skipped 1:\n {2}tum: 1: .*depth\/1\.png/);
    expect(err).toContain("report: pages/report.html");
    const html = await readFile(join(folder, "pages/report.html"), "utf8");
    for (const text of ["depth_tiny.a", "<h2>Results</h2>", "Worst cases", "tum: 0", "tum: 2", "AbsRel 0."])
      expect(html).toContain(text);
    expect(html.match(/<img src="data:image\/jpeg;base64,/g)).toHaveLength(8);
    expect(html).not.toMatch(/(src|href)="(?!data:)/);
    // The image with the larger error comes first.
    const errors = [...html.matchAll(/<span>AbsRel ([\d.]+)</g)].map(([, value]) => Number(value));
    expect(errors).toEqual(errors.toSorted((a, b) => b - a));
  });

  test("DA-2K by scene", async () => {
    const found = await json("depth_tiny.a", "--data", "DA-2K");
    const [{ scenes, pairs, count }] = found.orders;
    expect({ pairs, count }).toEqual({ pairs: 4, count: 2 });
    expect(scenes.map(({ scene, pairs }: { scene: string; pairs: number }) => [scene, pairs])).toEqual([
      ["indoor", 3],
      ["water", 1],
    ]);
    // The same image and points: what is right in one order is wrong in the other.
    const [indoor, water] = scenes;
    expect(water.correct === 1 ? indoor.correct : 3 - indoor.correct).toBe(1);
    expect(found.metrics).toEqual({ accuracy: (100 * (indoor.correct + water.correct)) / 4 });
    expect(found.skipped).toEqual([
      {
        name: "DA-2K: images/indoor/b.png",
        reason: expect.stringContaining("[row, column] = [30, 4] is outside of 40 x 30 pixels"),
      },
      { name: "DA-2K: images/water/gone.png", reason: expect.stringContaining("gone.png") },
    ]);
    const metric = await json("depth_tiny.m", "--data", "DA-2K");
    // The same values, read as metres.
    expect(metric.orders[0].scenes[1].correct).toBe(1 - water.correct);
    const { out } = await run("depth_tiny.a", "--data", "DA-2K", "--size", "56");
    expect(out).toMatch(/^indoor +3 +\d+\.\d %$/m);
  });

  test.each([
    [["depth_tiny.a"], 2, "say which folder of images with depth to use: --data FOLDER"],
    [["depth_tiny.a", "--data", "empty"], 1, "empty: the folder is empty. Known layouts:"],
    [["depth_tiny.a", "--data", "sets/own"], 1, "nothing says what the numbers of its depth maps mean"],
    [
      ["depth_tiny.a", "--data", "sets/tum", "--cap", "0.5"],
      1,
      "none of 3 images can be evaluated; the first: 0: only 0 pixels",
    ],
    [
      ["depth_tiny.a", "--data", "sets/tum", "--align", "none"],
      2,
      "--align none: depth_tiny.a gives relative disparity",
    ],
    [
      ["depth_tiny.a", "--data", "sets/own", "--units", "parsecs"],
      2,
      "--units: expected `metres = value / 1000`",
    ],
    [
      ["lenet5", "--align", "none"],
      2,
      "--align is an option of depth-estimation, not of image-classification",
    ],
    [["lenet5", "--report", "a.html"], 2, "--report: image-classification offers no reports"],
  ])("says what is wrong with %j", async (words, exit, message) => {
    const { err, code } = await run(...words);
    expect(err).toContain(message);
    expect(err.match(/error:/g)).toHaveLength(1);
    expect(code).toBe(exit);
  });
});

const shared = resolve(
  process.env.TESSERA_SHARED ?? resolve(import.meta.dirname, "../../../../shared"),
  "data/depth",
);
if (!existsSync(shared)) console.log(`depth: eval is not tried on data sets: no ${shared}`);

test.skipIf(!existsSync(shared))("real sets are found and evaluated", async () => {
  const found = await json("depth_tiny.a", "--data", shared, "--limit", "1");
  expect(found.skipped).toEqual([]);
  expect(found.sets.map(({ name, layout }: { name: string; layout: string }) => `${name} ${layout}`)).toEqual(
    [
      "7scenes-redkitchen plain",
      "hololens-office plain",
      "middlebury plain",
      "nyu-sunrgbd-singles plain",
      "open3d-rgbd redwood",
      "osd plain",
      "replica-office0 plain",
      "tum plain",
    ],
  );
  for (const { means, name } of found.sets) {
    expect(means.absRel.mean, name).toBeGreaterThan(0);
    expect(means.absRel.mean, name).toBeLessThan(1);
  }
});
