/** Videos on the command line and in the studio, with tiny networks. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeImage, Image, openVideo, type VideoFrame, writeVideo } from "@tessera-ml/media";
import { startStudio } from "@tessera-ml/studio";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { scratch, tessera } from "../../cli/test/run.ts";
import { shipTiny } from "./support/ship-tiny.ts";
import "./support/tiny-system.ts";

const folder = await scratch();
const env = {
  TESSERA_SYSTEMS: join(import.meta.dirname, "support/tiny-system.ts"),
  TESSERA_MODELS: join(folder, "models"),
  TESSERA_CACHE: join(folder, "cache"),
};
const [WIDTH, HEIGHT] = [64, 48];

function picture(i: number): Image {
  const image = new Image(WIDTH, HEIGHT, 3);
  for (let at = 0; at < image.data.length; at++) image.data[at] = ((at * 7) % 120) + 2 * i;
  return image;
}

function* frames(count: number): Generator<VideoFrame> {
  for (let i = 0; i < count; i++) yield { image: picture(i), timestamp: i / 10, duration: 0.1 };
}

beforeAll(async () => {
  const preset = "depth_anything_v2";
  await shipTiny(env.TESSERA_MODELS, "depth_tiny.a", "depth_tiny", { kind: "disparity", preset });
  await shipTiny(env.TESSERA_MODELS, "depth_tiny_video.a", "depth_tiny_video", { kind: "disparity", preset });
  await writeVideo(join(folder, "clip.mp4"), frames(12));
  await writeVideo(join(folder, "clip.webm"), frames(60));
  const whole = await readFile(join(folder, "clip.webm"));
  await writeFile(join(folder, "cut.webm"), whole.subarray(0, whole.length / 2));
  await writeFile(join(folder, "text.mp4"), "this is not a video");
  for (const place of ["frames", "many/one", "many/two"]) {
    await mkdir(join(folder, place), { recursive: true });
    for (const i of [1, 2, 10])
      await writeFile(join(folder, place, `f${i}.png`), await encodeImage(picture(4 * i), "png"));
  }
});

const run = (...words: readonly string[]) =>
  tessera(["depth", ...words, "--size", "56"], { cwd: folder, env });

async function answers(...words: readonly string[]) {
  const { out, err, code } = await run(...words, "--json");
  expect(code, err).toBe(0);
  return JSON.parse(out);
}

async function read(file: string) {
  const video = await openVideo(join(folder, file));
  const images = (await Array.fromAsync(video.frames())).map(({ image }) => image);
  return { ...video, images };
}

describe("on the command line", () => {
  test("a video in gives a video out, with its figures", async () => {
    const [one, many] = await answers(
      ...["clip.mp4", "--out", "out/*.webm", "-m", "depth_tiny.a", "-m", "depth_tiny_video.a"],
    );
    expect(one).toMatchObject({ file: "out/clip.depth_tiny.a.webm", kind: "disparity", width: WIDTH });
    expect(one.video).toMatchObject({ frames: 12, scenes: 1, frameRate: expect.closeTo(10, 3) });
    expect(one.video.flicker.after).toBeLessThanOrEqual(one.video.flicker.before);
    expect(Object.keys(many.video.flicker)).toEqual(["after"]);
    const video = await read(one.file);
    expect(video).toMatchObject({ width: WIDTH, height: HEIGHT, codec: "vp9" });
    expect(video.images).toHaveLength(12);
    expect(video.frameRate).toBeCloseTo(10, 3);
    // Colours, not the grey picture.
    const { data } = video.images[5]!;
    expect(data.some((level, i) => i % 3 === 0 && Math.abs(level - data[i + 2]!) > 60)).toBe(true);
  });

  test("side by side, beside images, into a folder", async () => {
    await writeFile(join(folder, "a.png"), await encodeImage(picture(3), "png"));
    const found = await answers(
      ...["clip.mp4", "a.png", "-m", "depth_tiny.a", "--style", "side-by-side", "--out", "both/"],
    );
    expect(found.map(({ file }: { file: string }) => file)).toEqual(["both/clip.mp4", "both/a.png"]);
    const { width, images } = await read("both/clip.mp4");
    expect(width).toBe(2 * WIDTH + 50);
    const original = picture(5).data[0]!;
    expect(Math.abs(images[5]!.data[0]! - original)).toBeLessThan(40);
  });

  test("a folder of frames is a video in the order of its numbers", async () => {
    const [one] = await answers("frames", "--fps", "5", "-m", "depth_tiny.a");
    expect(one).toMatchObject({ input: "frames", video: { frames: 3, frameRate: 5 } });
    expect(one.video.seconds).toBeCloseTo(0.6, 6);
    expect("png" in one || "data" in one.video).toBe(false);
    await answers("frames", "--out", "frames.mp4", "--style", "side-by-side", "-m", "depth_tiny.a");
    const { images, frameRate } = await read("frames.mp4");
    expect(frameRate).toBeCloseTo(25, 2);
    const levels = images.map(({ data }) => data[3 * 20]!);
    expect(levels).toEqual(levels.toSorted((a, b) => a - b));
    await answers("many", "--fps", "5", "--out", "clips/", "-m", "depth_tiny.a");
    expect((await readdir(join(folder, "clips"))).toSorted()).toEqual(["one.mp4", "two.mp4"]);
    // Without these options its files are images.
    expect(await answers("frames", "-m", "depth_tiny.a")).toHaveLength(3);
  });

  test("what cannot be read is reported once, and harms nothing else", async () => {
    const { out, err, code } = await run(
      ...["text.mp4", "cut.webm", "clip.mp4", "-m", "depth_tiny.a", "--out", "bad/", "--json"],
    );
    expect(code).toBe(1);
    expect(err.match(/error:/g)).toHaveLength(2);
    expect(err).toContain("text.mp4: expected a video: MP4, MOV, WebM or Matroska");
    expect(err).toMatch(/cut\.webm: cut short: it has \d\.\d\d s of 6\.00 s \(--tolerant reads it/);
    expect(JSON.parse(out).map(({ file }: { file: string }) => file)).toEqual(["bad/clip.mp4"]);
    expect(await readdir(join(folder, "bad"))).toEqual(["clip.mp4"]);
    const [tolerated] = await answers("cut.webm", "-m", "depth_tiny.a", "--tolerant");
    expect(tolerated.video.frames).toBeGreaterThan(5);
  });

  test.each([
    [["clip.mp4", "--out", "a.png"], "a.png: the depth of a video is written as .mp4 or .webm"],
    [["frames/f1.png", "--out", "a.mp4"], "a.mp4: expected a name that ends in .png"],
    [["clip.mp4", "--out", "a.mp4", "--style", "16-bit"], "style: clip.mp4: a video has no 16 bits"],
    [["clip.mp4", "--known", "1,2=3", "--known", "4,5=6"], "known: expected an image"],
    [
      ["clip.mp4", "--out", "clip.mp4/a.mp4"],
      "--out clip.mp4/a.mp4: the folder clip.mp4 cannot be made (EEXIST)",
    ],
    [["frames", "--fps", "0"], "--fps <number>"],
  ])("says what is wrong with %j", async (words, message) => {
    const { err, code } = await run(...words, "-m", "depth_tiny.a");
    expect(code).not.toBe(0);
    expect(err).toContain(message);
    expect(err.match(/error:/g)).toHaveLength(1);
    expect((await readdir(folder)).filter((name) => /^a\.|tmp/.test(name) && name !== "a.png")).toEqual([]);
  });
});

test("the studio answers with the depth of a video as a video", async () => {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const studio = await startStudio({ port: 0, page: folder });
  onTestFinished(async () => {
    await studio.close();
    vi.unstubAllEnvs();
  });
  const ask = async (file: string, fields: Readonly<Record<string, string>>) => {
    const form = new FormData();
    form.append("video", new Blob([await readFile(join(folder, file))]), file);
    for (const [key, value] of Object.entries({ models: "depth_tiny.a", size: "56", ...fields }))
      form.append(key, value);
    return await fetch(`${studio.url}api/depth`, { method: "POST", body: form });
  };
  const [answer] = (await (await ask("clip.mp4", { playable: "webm" })).json()).results;
  expect(answer).toMatchObject({ kind: "disparity", width: WIDTH, video: { frames: 12, scenes: 1 } });
  const [, bytes] = /^data:video\/webm;base64,(.*)$/.exec(answer.video.data)!;
  const video = await openVideo(new Uint8Array(Buffer.from(bytes!, "base64")));
  expect(await Array.fromAsync(video.frames())).toHaveLength(12);
  const bad = await ask("text.mp4", {});
  expect(bad.status).toBeGreaterThanOrEqual(400);
  expect(bad.status).toBeLessThan(500);
  expect((await bad.json()).error.message).toContain("expected a video");
});
