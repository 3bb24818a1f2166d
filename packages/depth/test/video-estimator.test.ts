/** Videos through tiny networks: frames in order, aligned, measured. */
import { Clip, Image, Planes } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { scratch } from "../../cli/test/run.ts";
import { DepthEstimator, DepthVideo, relativeDepth } from "../src/index.ts";
import { shipTiny } from "./support/ship-tiny.ts";

const folder = await scratch();
const [WIDTH, HEIGHT] = [40, 30];

/** A picture of the colours of a seed. */
function picture(seed: number, brightness = 1): Image {
  const random = new HostRandom(seed);
  const image = new Image(WIDTH, HEIGHT, 3);
  for (let i = 0; i < image.data.length; i++)
    image.data[i] = brightness * (random.next() * 60 + 60 * ((seed + i) % 3));
  return image;
}

/** The picture of one seed, slowly getting darker. */
const fading = (count: number, seed = 0) =>
  Array.from({ length: count }, (_, i) => picture(seed, 1 - 0.005 * i));

beforeAll(async () => {
  vi.stubEnv("TESSERA_MODELS", folder);
  const preset = "depth_anything_v2";
  await shipTiny(folder, "depth_tiny.a", "depth_tiny", { kind: "disparity", preset });
  await shipTiny(folder, "depth_tiny.m", "depth_tiny_metric", { kind: "metric", maxDepth: 10, preset });
  await shipTiny(folder, "depth_tiny_video.a", "depth_tiny_video", { kind: "disparity", preset });
});
afterAll(() => vi.unstubAllEnvs());

const disparityOf = (depth: { kind: string; disparity?: Float32Array }) => depth.disparity as Float32Array;

describe("a network for images", () => {
  test("sees each frame by itself; the maps of a scene have one scale and shift", async () => {
    const estimator = await DepthEstimator.load("depth_tiny.a");
    const images = [...fading(5), ...fading(4, 1)];
    const clip = Clip.ofImages(images, { frameRate: 10, name: "two scenes" });
    const steps: number[] = [];
    const video = estimator.video(
      clip,
      { size: 56, style: "side-by-side" },
      {
        progress: ({ what, done, total }) => {
          steps.push(done);
          expect([what, total]).toEqual(["two scenes", 9]);
        },
      },
    );
    const frames = await Array.fromAsync(video.frames());
    expect(frames.map(({ scene }) => scene)).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1]);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const [i, { depth, timestamp, duration, range }] of frames.entries()) {
      expect([depth.width, depth.height, depth.kind]).toEqual([WIDTH, HEIGHT, "disparity"]);
      expect([timestamp, duration]).toEqual([expect.closeTo(i / 10, 6), 0.1]);
      expect(depth.image.data).toEqual(images[i]!.data);
      expect(range[1]).toBeGreaterThan(range[0]);
      // The first frame of a scene is as the network gives it; others differ from that by a scale and a shift, except for zeros.
      const alone = disparityOf(await estimator.estimate(images[i]!, { size: 56 }));
      const found = disparityOf(depth);
      if (i === 0 || i === 5)
        for (const [j, value] of found.entries()) expect(value).toBeCloseTo(alone[j]!, 4);
      else expect(correlation(found, alone)).toBeGreaterThan(0.999);
    }
    // Colours keep their ends within a scene, as it is shorter than the look ahead.
    expect(frames[3]!.range).toEqual(frames[0]!.range);
    expect(frames[8]!.range).not.toEqual(frames[0]!.range);
    const summary = await video.summary();
    expect(summary).toMatchObject({ kind: "disparity", frames: 9, scenes: 2, frameRate: 10, width: WIDTH });
    expect(summary.seconds).toBeCloseTo(0.9, 6);
    expect(summary.flicker.after).toBeLessThanOrEqual(summary.flicker.before!);
    expect(summary.max).toBeGreaterThan(summary.min);
    estimator.release();
  });

  test("of metres is not aligned, and its summary needs no reader", async () => {
    const estimator = await DepthEstimator.load("depth_tiny.m");
    const { kind, flicker, frames, max } = await estimator
      .video(Clip.ofImages(fading(3)), { size: 56 })
      .summary();
    expect([kind, frames, "before" in flicker]).toEqual(["metric", 3, false]);
    expect(flicker.after).toBeGreaterThan(0);
    expect(max).toBeLessThanOrEqual(10);
    estimator.release();
  });

  test("stops when it is told to, and says what it cannot do", async () => {
    const estimator = await DepthEstimator.load("depth_tiny.a");
    const stop = new AbortController();
    const video = estimator.video(Clip.ofImages(fading(40)), { size: 56 }, { signal: stop.signal });
    let count = 0;
    await expect(async () => {
      for await (const one of video.frames()) {
        count += one.scene + 1;
        stop.abort(new Error("enough"));
      }
    }).rejects.toThrow("enough");
    expect(count).toBeLessThan(40);
    expect(() => estimator.video("clip.mp4", { known: ["1,2=3"] })).toThrow("known: expected an image");
    expect(() => estimator.video("clip.mp4", { sensor: "a.csv" })).toThrow("sensor: expected an image");
    await expect(estimator.video(Clip.ofImages([], { name: "none" })).summary()).rejects.toThrow(
      "none: has no frames",
    );
    const mixed = Clip.ofImages([picture(0), new Image(8, 8, 3)], { name: "mixed" });
    await expect(estimator.video(mixed, { size: 56 }).summary()).rejects.toThrow(
      "mixed: frame 1: expected 40 x 30 like the first, got 8 x 8",
    );
    estimator.release();
  });
});

test("a network for videos sees clips, and answers for every frame in order", async () => {
  const estimator = await DepthEstimator.load("depth_tiny_video.a");
  for (const count of [3, 34]) {
    const images = fading(count);
    const frames = await Array.fromAsync(estimator.video(Clip.ofImages(images), { size: 56 }).frames());
    expect(frames).toHaveLength(count);
    for (const [i, { depth }] of frames.entries()) expect(depth.image.data).toEqual(images[i]!.data);
    const alone = disparityOf(await estimator.estimate(images[0]!, { size: 56 }));
    const together = disparityOf(frames[0]!.depth);
    expect(together).not.toEqual(alone);
    expect(correlation(together, alone)).toBeGreaterThan(0.9);
  }
  const { flicker } = await estimator.video(Clip.ofImages(fading(3)), { size: 56 }).summary();
  expect("before" in flicker).toBe(false);
  estimator.release();
});

test("flicker is measured before and after frames are aligned", async () => {
  const random = new HostRandom(3);
  const truth = Float32Array.from(
    { length: WIDTH * HEIGHT },
    (_, i) => 2 + Math.sin(i / 50) + (i % WIDTH) / 20,
  );
  const image = picture(0);
  const camera = { focalLength: 50, from: "assumed" } as const;
  const video = new DepthVideo({
    ...{ model: "made up", kind: "disparity", options: {}, align: true },
    clip: Clip.ofImages(new Array<Image>(30).fill(image)),
    maps: async function* (frames) {
      for await (const frame of frames) {
        const [scale, shift] = [0.8 + 0.4 * random.next(), 0.5 * random.next()];
        const data = truth.map((value) => scale * value + shift + 0.002 * random.normal());
        yield { frame, camera, map: new Planes(1, HEIGHT, WIDTH, data), milliseconds: 4 };
      }
    },
    result: ({ map, milliseconds }) =>
      relativeDepth(
        {
          ...{ model: "made up", width: WIDTH, height: HEIGHT, image, camera, milliseconds },
          colors: "midas",
        },
        map.data as Float32Array,
      ),
  });
  const { flicker, milliseconds } = await video.summary();
  expect(flicker.before).toBeGreaterThan(5);
  expect(flicker.after).toBeLessThan(0.2);
  expect(milliseconds).toBe(4);
});

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    ab += (value - ma) * (b[i]! - mb);
    aa += (value - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
