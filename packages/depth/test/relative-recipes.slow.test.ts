/** Teacher, pseudo-labels, student and their studies, end to end on made-up images with a tiny network. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRecipe, findStudy } from "@tessera-ml/kit/catalogue";
import type { Recipe } from "@tessera-ml/kit/training";
import { Image, Planes, writeDepth, writeImage } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { DepthEstimator, DinoV2, depthEstimation } from "../src/index.ts";
import { pseudoLabel } from "../src/pseudo-label/index.ts";
import { TINY } from "./support/tiny-system.ts";
import { fillTiny } from "./support.ts";

const [WIDTH, HEIGHT] = [80, 60];
let root = "";
let teacher: Recipe;
let student: Recipe;

/** Bright is near, and a ramp in a random direction. */
async function writePair(folder: string, name: string, seed: number): Promise<void> {
  const random = new HostRandom(seed);
  const [across, down] = [random.next() - 0.5, random.next() - 0.5];
  const depth = new Planes(1, HEIGHT, WIDTH);
  const image = new Image(WIDTH, HEIGHT, 3);
  for (let i = 0; i < depth.data.length; i++) {
    const [x, y] = [(i % WIDTH) / WIDTH, Math.floor(i / WIDTH) / HEIGHT];
    depth.data[i] = 3 + 2 * across * x + 2 * down * y;
    image.data.fill(Math.round(500 / depth.data[i]!) - 60, 3 * i, 3 * i + 3);
  }
  await writeImage(join(folder, "rgb", `${name}.png`), image);
  if (folder.endsWith("photos")) return;
  await writeDepth(join(folder, "depth", `${name}.png`), depth);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tessera-relative-"));
  vi.stubEnv("TESSERA_CACHE", join(root, "cache"));
  vi.stubEnv("TESSERA_MODELS", join(root, "models"));
  for (let i = 0; i < 24; i++) await writePair(join(root, "set"), `frame-${i + 10}`, i);
  for (let i = 0; i < 6; i++) await writePair(join(root, "held"), `frame-${i + 10}`, 100 + i);
  for (let i = 0; i < 9; i++) await writePair(join(root, "photos"), `photo-${i}`, 200 + i);
  for (const folder of ["set", "held"])
    await writeFile(join(root, folder, "set.json"), `{"units": "metres = value / 1000"}`);
  await fillTiny(new DinoV2(TINY.encoder)).save(join(root, "encoder.safetensors"));
  ({ recipe: teacher } = await findRecipe([depthEstimation], "depth-teacher"));
  ({ recipe: student } = await findRecipe([depthEstimation], "depth-student"));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

const common = () => ({
  ...{ network: "depth_tiny", size: 28, lr: 1e-4, encoder: join(root, "encoder.safetensors") },
  ...{ test: [join(root, "held")], batch: 8 },
});
const measured = () => ({ ...common(), pairs: 0, data: [join(root, "set")] });
const train = (recipe: Recipe, folder: string, options: object, epochs = 1) =>
  recipe.run({ folder: join(root, folder), epochs, progress: false, options: { ...options } });

describe("a teacher", () => {
  test("learns the order of depths, and its record says how it was trained", async () => {
    const untrained = await train(teacher, "untrained", { ...measured(), lr: 1e-9 });
    expect(untrained.samples).toBe(24);
    const { figures } = await train(teacher, "teacher", measured(), 60);
    expect(figures.absRel).toBeLessThan(0.65 * untrained.figures.absRel!);
    const record = JSON.parse(await readFile(join(root, "teacher", "record.json"), "utf8"));
    expect(record.depth).toEqual({ kind: "disparity", preset: "depth_anything_v2", size: 28 });
    const estimator = await DepthEstimator.load(join(root, "teacher"));
    expect(estimator.preset().size).toBe(28);
    expect(estimator.preset({ preset: "depth_anything" }).size).toBe(518);
    estimator.release();
  });

  test("learns from rendered scenes, and is measured on others", async () => {
    const { samples, figures } = await train(teacher, "rendered", { ...common(), pairs: 10, test: [] });
    expect(samples).toBe(10);
    expect(figures.absRel).toBeGreaterThan(0);
  });

  test("needs images", async () => {
    await expect(train(teacher, "none", { ...common(), pairs: 0 })).rejects.toThrow(
      "depth-teacher: expected --data FOLDER or --pairs above 0: there is nothing to train on",
    );
    await expect(
      train(teacher, "textures", { ...common(), pairs: 2, photos: join(root, "set", "depth", "..") }),
    ).rejects.toThrow("expected photographs, found none");
  });
});

describe("a student", () => {
  const labels = () => join(root, "labels");
  beforeAll(async () => {
    await train(teacher, "labeller", measured(), 60);
    const estimator = await DepthEstimator.load(join(root, "labeller"));
    await pseudoLabel({ images: join(root, "photos"), out: labels(), estimator, shorterSide: 56 });
    estimator.release();
  });

  test.each(["v1", "v2"] as const)("learns from its teacher's maps (%s)", async (variant) => {
    const base = variant === "v1" ? { ...measured(), batch: 12 } : common();
    const options = { ...base, labels: [labels()], variant };
    const untrained = await train(student, `${variant}-untrained`, { ...options, lr: 1e-9 });
    expect(untrained.samples).toBe(variant === "v1" ? 24 : 9);
    const { figures } = await train(student, variant, options, variant === "v1" ? 30 : 150);
    expect(figures.absRel).toBeLessThan(0.7 * untrained.figures.absRel!);
  });

  test("the parts of the recipe can be left out, and change the training", async () => {
    const base = { ...measured(), batch: 12, labels: [labels()] };
    const results = await Promise.all(
      [{}, { perturb: false }, { cutmix: 0 }, { align: false }, { gradientWeight: 0 }].map(
        async (change, i) => {
          const { figures } = await train(student, `change-${i}`, { ...base, ...change });
          return figures.absRel;
        },
      ),
    );
    expect(new Set(results).size).toBe(results.length);
  });

  test("needs labels", async () => {
    await expect(train(student, "unlabelled", common())).rejects.toThrow(
      "depth-student: option labels: expected a value, got none",
    );
    await expect(train(student, "absent", { ...common(), labels: ["/nowhere"] })).rejects.toThrow("/nowhere");
  });
});

describe("studies", () => {
  const options = () => ({
    ...{ network: "depth_tiny", size: 28, pairs: 32, seeds: 2, encoder: join(root, "encoder.safetensors") },
    test: [join(root, "held")],
  });

  // Fourteen trainings.
  test.skipIf(!process.env.TESSERA_SLOW)(
    "depth-student trains all networks, resumes, and compares them",
    async () => {
      const study = await findStudy([depthEstimation], "depth-student");
      const folder = join(root, "study");
      const said: number[] = [];
      const run = () =>
        study.run({
          ...{ scale: 0.02, folder, options: { ...options(), photos: join(root, "photos") } },
          progress: (_, done) => void said.push(done),
        });
      const result = await run();
      expect(result.findings).toHaveLength(6);
      expect(result.tables[0]?.rows.map(([name]) => name)).toEqual([
        "teacher",
        "student",
        "without perturbation",
        "without CutMix",
        "without feature alignment",
        "labelled only",
        "photographs only (V2)",
      ]);
      for (const row of result.tables[0]!.rows) expect(String(row[1])).toMatch(/^\d\.\d{3} ± \d\.\d{3}$/);
      expect(result.plots[0]?.curves.every(({ x }) => x.length > 0)).toBe(true);
      expect(said.every((done, i) => done >= (said[i - 1] ?? 0))).toBe(true);
      expect(said.at(-1)).toBe(1);
      const before = await readFile(join(folder, "student-1", "result.json"), "utf8");
      expect((await run()).findings).toEqual(result.findings);
      expect(await readFile(join(folder, "student-1", "result.json"), "utf8")).toBe(before);
    },
  );

  test("depth-edges compares edges", async () => {
    const study = await findStudy([depthEstimation], "depth-edges");
    const result = await study.run({
      scale: 0.02,
      options: {
        ...options(),
        pairs: 1600,
        seeds: 1,
        sensor: [join(root, "set")],
        exact: [join(root, "held")],
      },
    });
    expect(result.findings.map(({ here }) => here)).toEqual([
      expect.stringMatching(
        /^F1 of edges \d\.\d{3} ± \d\.\d{3} \(teacher\) and .* \(teacher of measured depth\)/,
      ),
      expect.stringMatching(/\(without gradient matching\); difference -?\d\.\d{4} ± \d\.\d{4}/),
    ]);
  });
});
