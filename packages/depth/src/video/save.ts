/** Depth videos as files of video. */
import { dataUrl, KitError } from "@tessera-ml/kit";
import { encodeVideo, type VideoFormat, type VideoFrame, writeVideo } from "@tessera-ml/media";
import { colourPicture, sideBySide } from "../outputs/pictures.ts";
import { ahead } from "./ahead.ts";
import type { DepthVideo } from "./depth-video.ts";

/**
 * Writes a video as `.mp4` or `.webm`, with colours or, by its `style`, the frames and the colours beside each other. The
 * file is complete or not there. Node only.
 *
 * @throws KitError `bad-option` for other endings and for 16 bits; MediaError for videos that cannot be read
 */
export async function saveDepthVideo(video: DepthVideo, path: string): Promise<void> {
  if (!/\.(mp4|webm)$/i.test(path))
    throw new KitError("bad-option", `${path}: the depth of a video is written as .mp4 or .webm`, {
      field: "out",
    });
  await writeVideo(path, picturesOf(video));
}

/** The same as a `data:` URL. */
export async function encodeDepthVideo(video: DepthVideo, format: VideoFormat): Promise<string> {
  return dataUrl(await encodeVideo(picturesOf(video), format), `video/${format}`);
}

/** The frames as pictures to look at. */
export async function* picturesOf(video: DepthVideo): AsyncGenerator<VideoFrame, void, undefined> {
  const { style } = video.options;
  if (style === "16-bit")
    throw new KitError("bad-option", `style: ${video.name}: a video has no 16 bits`, { field: "style" });
  for await (const { depth, timestamp, duration, range } of ahead(video.frames())) {
    const image = style === "side-by-side" ? sideBySide(depth, range) : colourPicture(depth, range);
    yield { image, timestamp, duration };
  }
}
