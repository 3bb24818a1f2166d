/** Labelling a folder with a tiny teacher: on the command line, killed, resumed, and shared on a queue. */
import type { ChildProcess } from "node:child_process";
import { cp, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeImage, Image } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type RunOptions, scratch, tessera } from "../../cli/test/run.ts";
import { type Postgres, postgresFolder, startPostgres } from "../../kit/test/support/postgres.ts";
import { DepthEstimator } from "../src/index.ts";
import { type LabelList, openPseudoLabels, pseudoLabel } from "../src/pseudo-label/index.ts";
import { shipTiny } from "./support/ship-tiny.ts";
import "./support/tiny-system.ts";

const folder = await scratch();
const env = {
  TESSERA_SYSTEMS: join(import.meta.dirname, "support/tiny-system.ts"),
  TESSERA_MODELS: join(folder, "models"),
  TESSERA_CACHE: join(folder, "cache"),
};
const photos = join(folder, "photos");
/** Enough that a run is killed in its midst. */
const PHOTOS = 40;
const [WIDTH, HEIGHT] = [60, 40];

let count = 0;
let out = "";

/** With smooth shapes, so that the maps differ. */
function photograph(seed: number): Image {
  const random = new HostRandom(seed);
  const [fx, fy] = [0.1 + random.next(), 0.1 + random.next()];
  const image = new Image(WIDTH, HEIGHT, 3);
  for (let i = 0; i < image.data.length; i++) {
    const [x, y] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH)];
    image.data[i] = 127 + 120 * Math.sin((fx * x + fy * y) * 0.3 + (i % 3));
  }
  return image;
}

beforeAll(async () => {
  await shipTiny(env.TESSERA_MODELS, "depth_tiny.a", "depth_tiny", {
    ...{ kind: "disparity", preset: "depth_anything_v2" },
  });
  await shipTiny(env.TESSERA_MODELS, "depth_tiny.m", "depth_tiny_metric", {
    ...{ kind: "metric", maxDepth: 10, preset: "depth_anything_v2" },
  });
  await mkdir(join(photos, "beach"), { recursive: true });
  for (let i = 0; i < PHOTOS; i++) {
    const name = `${i % 3 === 0 ? "beach/" : ""}${String(i).padStart(2, "0")}.png`;
    await writeFile(join(photos, name), await encodeImage(photograph(i), "png"));
  }
  await writeFile(join(photos, "notes.txt"), "no photograph");
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
});
beforeEach(() => {
  out = join(folder, `labels-${count++}`);
});
afterAll(() => vi.unstubAllEnvs());

const command = (more: string, options: RunOptions = {}) =>
  tessera(["depth", "pseudo-label", ...`${more} --size 56`.split(" ")], { cwd: folder, env, ...options });
const usual = (more = "") => `photos -o ${out} -m depth_tiny.a${more && ` ${more}`}`;
const listOf = async (at = out): Promise<LabelList> =>
  JSON.parse(await readFile(join(at, "labels.json"), "utf8"));
const names = async () =>
  (await readdir(photos, { recursive: true })).filter((file) => file.endsWith(".png")).toSorted();

/** Modification times of all files of the labels but the list. */
async function times(): Promise<Record<string, number>> {
  const files = (await readdir(out, { recursive: true })).filter((file) => file !== "labels.json");
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, (await stat(join(out, file))).mtimeMs])),
  );
}

describe("pseudo-labels", () => {
  test("are the teacher's maps of all photographs, as the reader gives them", async () => {
    const { out: text, code, err } = await command(usual("--shard-size 5"));
    expect(code, err).toBe(0);
    expect(text).toBe(`${PHOTOS} photographs labelled, 0 skipped: ${join(out, "labels.json")}\n`);
    const labels = await openPseudoLabels(out);
    expect(labels.names).toEqual(await names());
    expect(labels.list.teacher).toMatchObject({ name: "depth_tiny.a", kind: "disparity", size: 56 });
    expect(labels.list.teacher.sha256).toMatch(/^[0-9a-f]{64}$/);
    const estimator = await DepthEstimator.load("depth_tiny.a");
    for (const [i, name] of labels.names.entries()) {
      const truth = await estimator.estimate(join(photos, name), { size: 56 });
      if (truth.kind !== "disparity") throw new Error("expected disparity");
      const { image, target, valid } = await labels.read(i);
      expect(image.data).toEqual(truth.image.data);
      expect(valid.every(Boolean)).toBe(true);
      const { min, max } = labels.list.files[i]!;
      const far = truth.disparity.reduce(
        (most, value, j) => Math.max(most, Math.abs(value - target.data[j]!)),
        0,
      );
      // Half a step, and what a batch adds.
      expect(far).toBeLessThan(0.5 * ((max - min) / 65534) + 1e-5 * Math.max(1, max));
      expect(max).toBeGreaterThan(min);
    }
    estimator.release();
  });

  test("are not made again", async () => {
    await command(usual());
    const [list, before] = [await listOf(), await times()];
    expect((await command(usual())).code).toBe(0);
    expect(await listOf()).toEqual(list);
    expect(await times()).toEqual(before);
  });

  test("leave out photographs that cannot be read, and name them", async () => {
    const own = join(folder, "damaged");
    await cp(photos, own, { recursive: true });
    const good = await readFile(join(photos, "01.png"));
    await writeFile(join(own, "01.png"), good.subarray(0, good.length / 2));
    await writeFile(join(own, "empty.jpg"), "");
    const { code, err, out: text } = await command(`damaged -o ${out} -m depth_tiny.a --json`);
    expect(code).toBe(1);
    expect(err).toMatch(/^skipped 01\.png: .*cut short/m);
    expect(err).toMatch(/^skipped empty\.jpg: /m);
    const { labelled, skipped } = JSON.parse(text);
    expect(labelled).toBe(PHOTOS - 1);
    expect(skipped.map(({ image }: { image: string }) => image)).toEqual(["01.png", "empty.jpg"]);
    expect((await listOf()).skipped).toEqual(skipped);
    const labels = await openPseudoLabels(out);
    for (const i of labels.names.keys()) await labels.read(i);
  });

  test("of a metric teacher are 1 / metres, exactly in .npy; larger photographs are shrunk", async () => {
    const estimator = await DepthEstimator.load("depth_tiny.m");
    const list = await pseudoLabel({
      ...{ images: photos, out, estimator, size: 56, format: "npy", shorterSide: 20, batchSize: 1 },
    });
    expect(list.files[0]).toMatchObject({ map: expect.stringMatching(/\.npy$/), width: 30, height: 20 });
    const { image, target } = await (await openPseudoLabels(out)).read(0);
    const truth = await estimator.estimate(image, { size: 56 });
    if (truth.kind !== "metric") throw new Error("expected metres");
    expect(target.data).toEqual(truth.metres.map((metres) => 1 / metres));
    estimator.release();
  });

  test("may lie below the photographs", async () => {
    const own = join(folder, "together");
    await cp(photos, own, { recursive: true });
    for (let i = 0; i < 2; i++) {
      expect((await command("together -o together/labels -m depth_tiny.a")).code).toBe(0);
      expect((await listOf(join(own, "labels"))).files).toHaveLength(PHOTOS);
    }
  });

  test("survive a kill: the next run goes on, and ends with the same files", async () => {
    const whole = join(folder, "whole");
    await command(`photos -o ${whole} -m depth_tiny.a --shard-size 1`);
    const shards = async () =>
      (await readdir(join(out, "shards")).catch(() => [])).filter((file) => file.endsWith(".json"));
    const onStart = async (child: ChildProcess) => {
      while (child.exitCode === null && (await shards()).length < 2)
        await new Promise((done) => setTimeout(done, 2));
      child.kill("SIGKILL");
    };
    const { code } = await command(usual("--shard-size 1"), { onStart: (child) => void onStart(child) });
    expect(code).toBe("SIGKILL");
    expect((await readdir(out)).includes("labels.json")).toBe(false);
    const done = await shards();
    const before = await times();
    expect(done.length).toBeLessThan(PHOTOS);
    expect((await command(usual("--shard-size 1"))).code).toBe(0);
    const after = await times();
    for (const shard of done) expect(after[`shards/${shard}`]).toBe(before[`shards/${shard}`]);
    expect(await listOf()).toEqual(await listOf(whole));
    for (const { map } of (await listOf()).files)
      expect(await readFile(join(out, map))).toEqual(await readFile(join(whole, map)));
  });

  test("are refused where the folder holds others", async () => {
    await command(usual());
    for (const [line, message] of [
      [
        `photos -o ${out} -m depth_tiny.m`,
        "expected a job with teacher depth_tiny.m, found one with depth_tiny.a",
      ],
      [usual("--format npy"), "expected a job with format npy, found one with png"],
      [`photos/beach -o ${out} -m depth_tiny.a`, "expected a job with items 14, found one with 40"],
    ] as const) {
      const { err, code } = await command(line);
      expect(err).toContain(message);
      expect(code).toBe(1);
    }
  });

  test.for([
    ["photos", "--out: expected a value, got none", 2],
    ["models/depth_tiny.a -o a -m depth_tiny.a", "no photographs in this folder or below it", 1],
    ["nowhere -o a -m depth_tiny.a", "nowhere: no such file or folder", 1],
    ["photos -o a -m depth_tiny.b", 'no checkpoint is called "depth_tiny.b"', 2],
    [
      "photos -o a -m depth_tiny.a --queue amqp://here",
      "queue: expected postgres://user:password@host:port/database",
      1,
    ],
  ] as const)("tessera depth pseudo-label %s", async ([line, message, expected]) => {
    const { err, code, out: text } = await command(line);
    expect(err).toContain(message);
    expect(text).toBe("");
    expect(code).toBe(expected);
  });
});

const bin = postgresFolder();
if (!bin)
  console.warn("pseudo-labels on a queue: skipped, as PostgreSQL is not installed (Debian: postgresql)");

describe.skipIf(!bin)("on a queue", () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres(bin as string);
  }, 60_000);
  afterAll(async () => await server?.remove());

  test("workers share the photographs; one that was killed costs nothing", { timeout: 120_000 }, async () => {
    const line = usual(`--shard-size 1 --queue ${server.url()}`);
    const onStart = async (child: ChildProcess) => {
      const begun = async () =>
        (await readdir(out, { recursive: true }).catch(() => [])).some((file) => file.endsWith(".png"));
      while (child.exitCode === null && !(await begun())) await new Promise((done) => setTimeout(done, 2));
      child.kill("SIGKILL");
    };
    expect((await command(line, { onStart: (child) => void onStart(child) })).code).toBe("SIGKILL");
    const [one, other] = await Promise.all([command(line), command(line)]);
    expect(one.code, one.err).toBe(0);
    expect(other).toEqual(one);
    const alone = join(folder, "alone");
    await command(`photos -o ${alone} -m depth_tiny.a --shard-size 1`);
    expect(await listOf()).toEqual(await listOf(alone));
  });
});
