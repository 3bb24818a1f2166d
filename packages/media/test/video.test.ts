/** Video files on Node. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AudioSample, AudioSampleSource, BufferTarget, Mp4OutputFormat, Output } from "mediabunny";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Image, openVideo, readVideo, type VideoFrame, writeVideo } from "../src/index.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-video-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function* frames(count: number): Generator<VideoFrame> {
  for (let i = 0; i < count; i++)
    yield {
      image: new Image(64, 48, 3, new Uint8Array(64 * 48 * 3).fill(8 * i)),
      timestamp: i / 10,
      duration: 0.1,
    };
}

test("MP4 is H.264, and frames come back from the path", async () => {
  const path = join(folder, "new/clip.mp4");
  expect(await writeVideo(path, frames(20))).toBe(20);
  const video = await openVideo(path);
  expect(video).toMatchObject({ width: 64, height: 48, codec: "avc", name: path });
  expect(video.seconds).toBeCloseTo(2, 3);
  const levels: number[] = [];
  for await (const { image } of video.frames()) levels.push(image.data[3000]!);
  expect(levels).toHaveLength(20);
  for (const [i, level] of levels.entries()) expect(Math.abs(level - 8 * i)).toBeLessThan(6);
  expect(await readdir(join(folder, "new"))).toEqual(["clip.mp4"]);
});

test("reading may stop early, and start again", async () => {
  const path = join(folder, "early.webm");
  await writeVideo(path, frames(30));
  for (let round = 0; round < 2; round++) {
    let count = 0;
    for await (const { timestamp } of readVideo(path)) {
      expect(timestamp).toBeCloseTo(count / 10, 3);
      if (++count === 5) break;
    }
    expect(count).toBe(5);
  }
});

test("a failure while writing leaves nothing behind", async () => {
  const path = join(folder, "failed/clip.mp4");
  async function* failing(): AsyncGenerator<VideoFrame> {
    yield* frames(3);
    throw new Error("the network failed");
  }
  await expect(writeVideo(path, failing())).rejects.toThrow("the network failed");
  expect(await readdir(join(folder, "failed"))).toEqual([]);
  await expect(writeVideo(join(folder, "clip.avi"), frames(1))).rejects.toThrow(
    "clip.avi: expected a name ending in .mp4 or .webm",
  );
});

test("an MP4 that ends before its index, sound alone, folders and missing files", async () => {
  const whole = join(folder, "whole.mp4");
  await writeVideo(whole, frames(20));
  const cut = join(folder, "cut.mp4");
  const bytes = await readFile(whole);
  await writeFile(cut, bytes.subarray(0, bytes.length - 400));
  await expect(openVideo(cut)).rejects.toThrow(/cut\.mp4: (has no tracks: it was cut short|damaged)/);
  const sound = join(folder, "sound.mp4");
  await writeFile(sound, await silence());
  await expect(openVideo(sound)).rejects.toThrow("sound.mp4: has no pictures: its only tracks are audio");
  await expect(openVideo(folder)).rejects.toThrow("is a folder, not a file");
  await expect(openVideo(join(folder, "none.mp4"))).rejects.toThrow("none.mp4: no such file");
});

async function silence(): Promise<Uint8Array> {
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat(), target });
  const source = new AudioSampleSource({ codec: "pcm-s16" });
  output.addAudioTrack(source);
  await output.start();
  const data = new Int16Array(8000);
  await source.add(
    new AudioSample({ data, format: "s16", numberOfChannels: 1, sampleRate: 8000, timestamp: 0 }),
  );
  await output.finalize();
  return new Uint8Array(target.buffer as ArrayBuffer);
}
