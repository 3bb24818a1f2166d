/** Objects followed through videos from files, by a small network with made-up weights. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Clip, Image, type VideoFrame, writeVideo } from "@tessera-ml/media";
import { fillGolden } from "@tessera-ml/nn/golden";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decodeRle,
  maskOf,
  networks,
  readVideoPrompts,
  rleFromString,
  type Sam2Predictor,
  Segmenter,
  saveTracked,
  type TrackedVideo,
  type TrackOptions,
  trackedPictures,
  VideoSegmenter,
} from "../src/index.ts";

const FRAMES = 6;
let folder = "";
let segmenter: Segmenter;

/** A bright disk that moves to the right. */
function picture(index: number): Image {
  const image = new Image(96, 64, 3);
  for (let y = 0; y < 64; y++)
    for (let x = 0; x < 96; x++) {
      const isDisk = (x - 20 - 8 * index) ** 2 + (y - 32) ** 2 < 200;
      image.data.fill(isDisk ? 230 : 40, 3 * (96 * y + x), 3 * (96 * y + x) + 3);
    }
  return image;
}
const pictures = Array.from({ length: FRAMES }, (_, i) => picture(i));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-track-"));
  const model = networks.find("sam2_lite").network.create();
  fillGolden(model, { rules: [{ match: /^pred_obj_score_head\.layers\.2\.bias$/, value: 0.5 }] });
  await model.save(join(folder, "own.safetensors"));
  segmenter = await Segmenter.load(join(folder, "own.safetensors"), {
    ...{ network: "sam2_lite", details: { side: 64 } },
  });
});
afterAll(async () => {
  segmenter.release();
  await rm(folder, { recursive: true });
});

const follow = (options: TrackOptions, clip = Clip.ofImages(pictures, { frameRate: 10 })) =>
  new VideoSegmenter(segmenter).video(clip, options);
const all = async (video: TrackedVideo) => {
  const frames = [];
  for await (const frame of video.frames()) frames.push(frame);
  return frames;
};

describe("a tracked video", () => {
  test("has the masks of a stream that is told the same", async () => {
    const found = await all(follow({ point: ["disk=20,32@0", "other=5,5@2"], not: ["disk=60,5@3"] }));
    expect(found.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(found.map(({ objects }) => objects.map(({ name }) => name).join())).toEqual([
      ...["disk", "disk", "disk,other", "disk,other", "disk,other", "disk,other"],
    ]);
    const stream = (segmenter.predictor as Sam2Predictor).stream({ frames: FRAMES });
    await stream.push(pictures[0]!);
    const first = await stream.addPoints("disk", [[20, 32]], [1]);
    expect(found[0]!.objects[0]!.mask).toEqual(maskOf(first.objects[0]!.logits));
    const second = await stream.push(pictures[1]!);
    expect(found[1]!.objects[0]!.mask).toEqual(maskOf(second.objects[0]!.logits));
  });

  test("says what it saw, and can be read again", async () => {
    const progress: number[] = [];
    const clip = Clip.ofImages(pictures, { frameRate: 10 });
    const video = new VideoSegmenter(segmenter).video(
      clip,
      { box: ["8,20,32,44"] },
      { progress: ({ done }) => void progress.push(done) },
    );
    const summary = await video.summary();
    expect(summary).toMatchObject({ width: 96, height: 64, frames: FRAMES });
    expect(summary.objects.map(({ name }) => name)).toEqual(["object"]);
    expect(progress).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await all(video)).toHaveLength(FRAMES);
  });

  test("is written as a video with the objects in colours, and as run lengths", async () => {
    const source = join(folder, "disk.mp4");
    const frames = pictures.map((image, i): VideoFrame => ({ image, timestamp: i / 10, duration: 0.1 }));
    await writeVideo(source, frames);
    const options = { point: ["20,32"] };
    const out = join(folder, "tracked.webm");
    await saveTracked(follow(options, Clip.of(source)), out);
    const written = await Clip.of(out).open();
    expect(written).toMatchObject({ width: 96, height: 64 });
    await written.close();

    const json = join(folder, "tracked.json");
    const video = follow(options);
    await saveTracked(video, json);
    const answer = JSON.parse(await readFile(json, "utf8"));
    expect(answer).toMatchObject({ width: 96, height: 64, model: "own.safetensors" });
    const { segmentation, area } = answer.frames[3].objects[0];
    const { mask } = (await all(video))[3]!.objects[0]!;
    expect(decodeRle(rleFromString(segmentation.counts, segmentation.size))).toEqual(mask);
    expect(area).toBe(mask.data.reduce((sum, value) => sum + value, 0));
  });

  test.each([
    [{}, "expected a point or a box on what is to be followed"],
    [{ point: ["20,32@zero"] }, "point: expected a prompt and the frame that it is on"],
    [{ point: ["20,32@9"] }, "expected prompts on frames from 0 to 5, got one on 9"],
    [{ point: ["200,32"] }, "expected x from 0 to 96, y from 0 to 64, got 200, 32"],
  ])("refuses %j", async (options, message) => {
    await expect(async () => await all(follow(options))).rejects.toThrow(message);
  });

  test("a style that no video has is refused", async () => {
    const pictured = trackedPictures(follow({ point: ["20,32"], style: "cutout" }));
    await expect(pictured.next()).rejects.toThrow("a video cannot be transparent");
    await expect(saveTracked(follow({ point: ["20,32"] }), join(folder, "x.gif"))).rejects.toThrow(
      "expected a name that ends in .mp4, .webm, .json",
    );
  });

  test("frames that change size are refused", async () => {
    const clip = Clip.ofImages([pictures[0]!, new Image(48, 64, 3)]);
    await expect(all(follow({ point: ["20,32"] }, clip))).rejects.toThrow("expected 96 x 64 like the first");
  });
});

test("prompts are sorted by frame", () => {
  const said = readVideoPrompts({ point: ["a=1,2@7", "b=3,4"], not: ["a=5,6@7"], box: ["1,2,3,4@3"] });
  expect([...said.keys()]).toEqual([0, 3, 7]);
  expect(said.get(7)).toEqual([
    {
      name: "a",
      points: [
        [1, 2],
        [5, 6],
      ],
      labels: [1, 0],
    },
  ]);
  expect(said.get(3)).toEqual([{ name: "object", points: [], labels: [], box: [1, 2, 3, 4] }]);
});
