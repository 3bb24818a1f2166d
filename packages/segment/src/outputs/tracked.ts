/** Followed objects as files: a video with the masks burnt in, or run lengths. */
import { KitError } from "@tessera-ml/kit";
import { type VideoFrame, writeVideo } from "@tessera-ml/media";
import { atomicWrite } from "@tessera-ml/nn";
import { extentOf } from "../result.ts";
import { encodeRle, rleToString } from "../rle.ts";
import type { TrackedVideo, TrackedVideoFrame } from "../tracked-video.ts";
import { TRACK_ENDINGS } from "./endings.ts";
import { picturedMasks } from "./pictures.ts";

/** The objects of every frame. */
export async function trackedAsJson(video: TrackedVideo): Promise<object> {
  const frames: object[] = [];
  for await (const frame of video.frames()) frames.push(frameAsJson(frame));
  const { width, height, seconds, milliseconds } = await video.summary();
  return { model: video.model, width, height, seconds, milliseconds, frames };
}

function frameAsJson({ index, timestamp, objects }: TrackedVideoFrame): object {
  return {
    frame: index,
    timestamp,
    objects: objects.map(({ name, mask, score }) => {
      const rle = encodeRle(mask);
      return {
        name,
        segmentation: { size: rle.size, counts: rleToString(rle) },
        ...extentOf(mask),
        score,
      };
    }),
  };
}

/** The frames as pictures to look at. @throws KitError `bad-option` for a style that no video can have */
export async function* trackedPictures(video: TrackedVideo): AsyncGenerator<VideoFrame, void, undefined> {
  const { style = "overlay" } = video.options;
  if (style === "cutout")
    throw new KitError("bad-option", "style: a video cannot be transparent; choose palette or mask", {
      field: "style",
    });
  for await (const { image, timestamp, duration, objects } of video.frames()) {
    const masks = objects.map(({ mask }) => mask);
    yield { image: picturedMasks(image, masks, style), timestamp, duration };
  }
}

/**
 * Writes a video with the objects in colours as `.mp4` or `.webm`, or their run lengths as `.json`. The file is complete
 * or not there. Node only.
 *
 * @throws KitError `bad-option` for other endings; what {@link TrackedVideo.frames} throws
 */
export async function saveTracked(video: TrackedVideo, path: string): Promise<void> {
  const ending = TRACK_ENDINGS.find((one) => path.toLowerCase().endsWith(`.${one}`));
  if (!ending)
    throw new KitError(
      "bad-option",
      `${path}: expected a name that ends in ${TRACK_ENDINGS.map((one) => `.${one}`).join(", ")}`,
      { field: "out" },
    );
  if (ending === "json") {
    const text = JSON.stringify(await trackedAsJson(video));
    return await atomicWrite(path, new TextEncoder().encode(`${text}\n`));
  }
  await writeVideo(path, trackedPictures(video));
}
