/** Videos that are not open yet. */
import { describe, expect, test } from "vitest";
import {
  Clip,
  clipIn,
  encodeImage,
  encodeVideo,
  Image,
  readImage,
  type VideoFrame,
} from "../../src/index.ts";

const grey = (level: number, width = 16, height = 8) =>
  new Image(width, height, 3, new Uint8Array(3 * width * height).fill(level));

describe("pictures as a video", () => {
  test("are its frames, as often as it is opened", async () => {
    const png = new Uint8Array(await encodeImage(grey(70), "png"));
    const clip = Clip.ofImages([grey(10), png], { frameRate: 20, name: "pictures" });
    expect(clip.name).toBe("pictures");
    for (let round = 0; round < 2; round++) {
      const video = await clip.open();
      expect(video).toMatchObject({ width: 16, height: 8, frameRate: 20, seconds: 0.1, name: "pictures" });
      const frames = await Array.fromAsync(video.frames());
      expect(frames.map(({ image }) => image.data[5])).toEqual([10, 70]);
      expect(frames.map(({ timestamp, duration }) => [timestamp, duration])).toEqual([
        [0, 0.05],
        [0.05, 0.05],
      ]);
    }
  });

  test("of several sizes, or none, are errors", async () => {
    await expect(Clip.ofImages([], { name: "none" }).open()).rejects.toThrow("none: has no frames");
    await expect(Clip.ofImages([grey(1)], { frameRate: 0 }).open()).rejects.toThrow(
      "frameRate: expected frames per second above 0, got 0",
    );
    const video = await Clip.ofImages([grey(1), grey(1, 8, 8)], { name: "mixed" }).open();
    await expect(Array.fromAsync(video.frames())).rejects.toThrow(
      "mixed: frame 1: expected 16 x 8 like the first, got 8 x 8",
    );
  });
});

test("a video is told from a picture by its content, or else by its name", async () => {
  const frames: VideoFrame[] = [{ image: grey(9), timestamp: 0, duration: 0.04 }];
  const webm = await encodeVideo(frames, "webm");
  const png = new Uint8Array(await encodeImage(grey(70), "png"));
  const clip = (await clipIn(webm, { name: "bytes" })) as Clip;
  expect(clip).toBeInstanceOf(Clip);
  expect(clip.name).toBe("bytes");
  for (let round = 0; round < 2; round++)
    expect(await Array.fromAsync((await clip.open()).frames())).toHaveLength(1);
  expect(await clipIn(new File([webm as BlobPart], "a.bin"))).toBeInstanceOf(Clip);
  const image = await clipIn(new Blob([png]));
  expect(image).toBeInstanceOf(Blob);
  expect((await readImage(image as Blob)).width).toBe(16);
  const named = (await clipIn(new File(["text"], "text.mp4"))) as Clip;
  await expect(named.open()).rejects.toThrow("text.mp4: expected a video: MP4, MOV, WebM or Matroska");
});

test("frames with too many pixels are rejected before they are decoded", async () => {
  const webm = await encodeVideo([{ image: grey(9), timestamp: 0, duration: 0.04 }], "webm");
  await expect(Clip.of(webm, { maxPixels: 100, name: "large" }).open()).rejects.toMatchObject({
    code: "too-large",
    message: "large: frames of 16 x 8, over the limit of 100 pixels",
  });
});
