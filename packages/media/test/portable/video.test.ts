/** Video through the codecs of the platform: native ones on Node, WebCodecs in the browser. */
import { describe, expect, test } from "vitest";
import {
  encodeVideo,
  Image,
  isVideo,
  MediaError,
  openVideo,
  readVideo,
  type VideoFrame,
} from "../../src/index.ts";
import { rotate } from "../../src/video/rotate.ts";
import { BT709, fromYuv, i420Length, toI420 } from "../../src/video/yuv.ts";

const [WIDTH, HEIGHT] = [96, 64];

/** A red ramp that moves, over green that grows downwards. */
function* frames(count: number, width = WIDTH, height = HEIGHT): Generator<VideoFrame> {
  for (let i = 0; i < count; i++) {
    const image = new Image(width, height, 3);
    for (let y = 0, at = 0; y < height; y++)
      for (let x = 0; x < width; x++, at += 3) image.data.set([x + 2 * i, 2 * y, 100], at);
    yield { image, timestamp: i / 20, duration: 1 / 20 };
  }
}

test("frames survive WebM, in order, with their times", async () => {
  const bytes = await encodeVideo(frames(30), "webm");
  expect(isVideo(bytes)).toBe(true);
  const video = await openVideo(bytes, { name: "clip" });
  expect(video).toMatchObject({ width: WIDTH, height: HEIGHT, codec: "vp9", name: "clip" });
  expect(video.frameRate).toBeCloseTo(20, 3);
  let count = 0;
  for await (const { image, timestamp, duration } of video.frames()) {
    expect(timestamp).toBeCloseTo(count / 20, 3);
    expect(duration).toBeCloseTo(1 / 20, 3);
    for (const [x, y] of [
      [20, 10],
      [70, 50],
    ] as const) {
      const at = 3 * (y * WIDTH + x);
      const expected = [x + 2 * count, 2 * y, 100];
      for (const [c, value] of expected.entries())
        expect(Math.abs(image.data[at + c]! - value), `frame ${count}, (${x}, ${y}), ${c}`).toBeLessThan(14);
    }
    count++;
  }
  expect(count).toBe(30);
});

test("odd sides become even", async () => {
  const bytes = await encodeVideo(frames(2, 33, 17), "webm");
  const sizes = [];
  for await (const { image } of readVideo(bytes)) sizes.push([image.width, image.height]);
  expect(sizes).toEqual([
    [34, 18],
    [34, 18],
  ]);
});

describe("what cannot be read or written", () => {
  const read = async (bytes: Uint8Array) => {
    for await (const _ of readVideo(bytes, { name: "clip" }));
  };
  test("files that are no videos", async () => {
    await expect(read(new TextEncoder().encode("not a video"))).rejects.toThrow(
      "clip: expected a video: MP4, MOV, WebM or Matroska",
    );
    await expect(read(new Uint8Array(0))).rejects.toThrow("clip: is empty");
    expect(isVideo(new TextEncoder().encode("not a video"))).toBe(false);
    expect(isVideo(Uint8Array.of(0, 0, 0, 28, ...new TextEncoder().encode("ftypavif")))).toBe(false);
  });

  test("a file that was cut short gives its frames, then says so, unless that is tolerated", async () => {
    const whole = await encodeVideo(frames(100), "webm");
    const cut = whole.subarray(0, Math.floor(whole.length / 2));
    const seen: number[] = [];
    const error = await (async () => {
      for await (const { timestamp } of readVideo(cut, { name: "clip" })) seen.push(timestamp);
    })().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MediaError);
    expect((error as MediaError).code).toBe("cut-short");
    expect((error as MediaError).message).toMatch(/^clip: cut short: it has \d\.\d\d s of 5\.00 s$/);
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.length).toBeLessThan(100);
    let tolerated = 0;
    for await (const _ of readVideo(cut, { tolerant: true })) tolerated++;
    expect(tolerated).toBe(seen.length);
  });

  test("no frames, and frames of several sizes", async () => {
    await expect(encodeVideo([], "webm")).rejects.toThrow("webm: there are no frames to write");
    const mixed = [...frames(1), ...frames(1, 32, 32)];
    await expect(encodeVideo(mixed, "webm")).rejects.toThrow(
      "webm: frame 1: expected 96 x 64 like the first, got 32 x 32",
    );
  });
});

test("YUV: grey is exact up to rounding, colours of even squares nearly so", () => {
  const grey = new Image(16, 16, 3, new Uint8Array(Array.from({ length: 256 }, (_, i) => [i, i, i]).flat()));
  const back = fromYuv(toI420(grey), 16, 16, BT709);
  for (const [i, value] of back.data.entries())
    expect(Math.abs(value - grey.data[i]!)).toBeLessThanOrEqual(1);
  for (const color of [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [12, 200, 99],
  ]) {
    const flat = new Image(5, 3, 3, new Uint8Array(Array.from({ length: 15 }, () => color).flat()));
    const planes = toI420(flat);
    expect(planes).toHaveLength(i420Length(5, 3));
    const restored = fromYuv(planes, 5, 3, BT709).data;
    for (const [i, value] of restored.entries())
      expect(Math.abs(value - flat.data[i]!)).toBeLessThanOrEqual(2);
  }
  // BT.601 and full range: white is luma 255 without colour.
  const white = Uint8Array.of(255, 255, 255, 255, 128, 128);
  expect([...fromYuv(white, 2, 2, { matrix: "bt601", fullRange: true }).data]).toEqual(Array(12).fill(255));
});

test("rotate turns clockwise", () => {
  const image = new Image(3, 2, 1, Uint8Array.of(1, 2, 3, 4, 5, 6));
  const turned = (degrees: number) => {
    const { width, height, data } = rotate(image, degrees);
    return [width, height, ...data];
  };
  expect(turned(90)).toEqual([2, 3, 4, 1, 5, 2, 6, 3]);
  expect(turned(180)).toEqual([3, 2, 6, 5, 4, 3, 2, 1]);
  expect(turned(270)).toEqual([2, 3, 3, 6, 2, 5, 1, 4]);
  expect(rotate(image, 0)).toBe(image);
});
