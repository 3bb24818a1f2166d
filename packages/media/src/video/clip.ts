/** Videos that are not open yet. */
import { findFile, readStart } from "#files";
import { MediaError } from "../error.ts";
import { type ImageSource, readImage } from "../image/read.ts";
import { readSource, type Source } from "../source.ts";
import type { VideoFrame } from "./types.ts";
import { isVideo, openVideo, type ReadVideoOptions, type Video } from "./video.ts";

export interface ClipFramesOptions {
  /** Frames per second, default 25. */
  readonly frameRate?: number | undefined;
  /** In error messages. */
  readonly name?: string | undefined;
}

/** A video that has yet to be opened, and can be opened more than once. */
export class Clip {
  /** In error messages. */
  readonly name: string;
  readonly #open: () => Promise<Video>;

  private constructor(name: string, open: () => Promise<Video>) {
    this.name = name;
    this.#open = open;
  }

  /** The video of a file. */
  static of(source: Source, options: ReadVideoOptions = {}): Clip {
    const named = source instanceof File ? source.name : options.name;
    const name =
      typeof source === "string" || source instanceof URL ? String(source) : (named ?? "the video");
    return new Clip(name, () => openVideo(source, { ...options, name }));
  }

  /** Pictures of one size as the frames of a video. They are read one by one. */
  static ofImages(images: readonly ImageSource[], options: ClipFramesOptions = {}): Clip {
    const { name = "the video" } = options;
    return new Clip(name, () => openImages(images, { ...options, name }));
  }

  /** @throws MediaError like {@link openVideo}; `empty` if there are no frames */
  async open(): Promise<Video> {
    return await this.#open();
  }
}

async function openImages(
  images: readonly ImageSource[],
  { name, frameRate = 25 }: ClipFramesOptions & { readonly name: string },
): Promise<Video> {
  if (!(frameRate > 0 && Number.isFinite(frameRate)))
    throw new RangeError(`frameRate: expected frames per second above 0, got ${frameRate}`);
  const [first] = images;
  if (first === undefined) throw new MediaError("empty", `${name}: has no frames`);
  const { width, height } = await readImage(first);
  const duration = 1 / frameRate;
  async function* frames(): AsyncGenerator<VideoFrame, void, undefined> {
    for (const [i, source] of images.entries()) {
      const image = await readImage(source);
      if (image.width !== width || image.height !== height)
        throw new MediaError(
          "unsupported",
          `${name}: frame ${i}${typeof source === "string" ? `, ${source}` : ""}: expected ${width} x ${height} ` +
            `like the first, got ${image.width} x ${image.height}`,
        );
      yield { image, timestamp: i * duration, duration };
    }
  }
  const seconds = images.length * duration;
  return { width, height, seconds, frameRate, codec: "images", name, frames, close: async () => undefined };
}

/** Bytes that tell a video from a picture. */
const START = 16;
/** A file that says so by its name is opened as a video, so that what is wrong with it is said of a video. */
const NAMED = /\.(mp4|m4v|mov|webm|mkv)$/i;

/**
 * The video in a source, or a source of the same bytes if it has no video: a URL is fetched once.
 *
 * @throws MediaError like {@link readSource}
 */
export async function clipIn(source: Source, options: ReadVideoOptions = {}): Promise<Clip | Source> {
  const holds = (start: Uint8Array, name = "") => isVideo(start) || NAMED.test(name);
  if (typeof source === "string" || source instanceof URL) {
    const path = await findFile(source);
    if (path !== undefined) return holds(await readStart(path, START), path) ? Clip.of(path, options) : path;
  }
  if (source instanceof Blob) {
    const start = new Uint8Array(await source.slice(0, START).arrayBuffer());
    const name = source instanceof File ? source.name : options.name;
    return holds(start, name) ? Clip.of(source, options) : source;
  }
  const { bytes, name } = await readSource(
    source,
    options.maxBytes ?? Number.POSITIVE_INFINITY,
    options.name,
  );
  return holds(bytes, name) ? Clip.of(bytes, { ...options, name }) : bytes;
}
