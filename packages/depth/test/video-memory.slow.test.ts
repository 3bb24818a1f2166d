/** Memory while a long video is estimated and written. Takes minutes: only with `TESSERA_SLOW=1`. */
import { join } from "node:path";
import { Image, openVideo, type VideoFrame, writeVideo } from "@tessera-ml/media";
import { expect, test, vi } from "vitest";
import { scratch } from "../../cli/test/run.ts";
import { DepthEstimator, saveDepthVideo } from "../src/index.ts";
import { shipTiny } from "./support/ship-tiny.ts";

const FRAMES = 2000;
/** One frame in RGB is 230 kB: all of them would be 460 MB, and their maps 610 MB. */
const [WIDTH, HEIGHT] = [320, 240];
/** Resident bytes by which the rest may exceed the beginning: garbage that is not collected yet. */
const GROWTH = 64 * 2 ** 20;

function* frames(): Generator<VideoFrame> {
  for (let i = 0; i < FRAMES; i++) {
    const image = new Image(WIDTH, HEIGHT, 3);
    for (let at = 0; at < image.data.length; at++) image.data[at] = ((at >> 4) + i) % 200;
    yield { image, timestamp: i / 25, duration: 1 / 25 };
  }
}

test.skipIf(process.env.TESSERA_SLOW !== "1").each(["depth_tiny", "depth_tiny_video"])(
  "memory is flat over 2,000 frames with %s",
  { timeout: 3_600_000 },
  async (network) => {
    const folder = await scratch();
    vi.stubEnv("TESSERA_MODELS", join(folder, "models"));
    await shipTiny(join(folder, "models"), `${network}.a`, network, {
      kind: "disparity",
      preset: "depth_anything_v2",
    });
    const clip = join(folder, "long.mp4");
    await writeVideo(clip, frames());
    const estimator = await DepthEstimator.load(`${network}.a`);
    const resident: number[] = [];
    const video = estimator.video(
      clip,
      { size: 56 },
      { progress: ({ done }) => void (done % 20 === 0 && resident.push(process.memoryUsage().rss)) },
    );
    await saveDepthVideo(video, join(folder, "depth.mp4"));
    estimator.release();
    vi.unstubAllEnvs();
    expect((await video.summary()).frames).toBe(FRAMES);
    expect((await openVideo(join(folder, "depth.mp4"))).seconds).toBeCloseTo(FRAMES / 25, 1);
    expect(resident).toHaveLength(FRAMES / 20);
    // After the first fifth, in which the heap finds its size.
    const fifth = resident.length / 5;
    const [early, late] = [resident.slice(fifth, 3 * fifth), resident.slice(3 * fifth)];
    expect(Math.max(...late)).toBeLessThan(Math.max(...early) + GROWTH);
  },
);
