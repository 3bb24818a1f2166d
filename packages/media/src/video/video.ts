/** Reading and writing videos as streams of frames: never more than a few frames are in memory. */
import { findFile, writeAtomically } from "#files";
import { openReader, openWriter } from "#video";
import { MediaError } from "../error.ts";
import type { Size } from "../image/image.ts";
import { readSource, type Source } from "../source.ts";
import type { VideoBytes, VideoFormat, VideoFrame, VideoInfo, VideoReader, VideoWriter } from "./types.ts";

export interface ReadVideoOptions {
  /** Reads a file that was cut short as far as it goes. Default false: throws at the end of what there is. */
  readonly tolerant?: boolean | undefined;
  /** Maximum size of a file that is not read from a path, default 2^30. */
  readonly maxBytes?: number | undefined;
  /** Most pixels of a frame, default 2^27. */
  readonly maxPixels?: number | undefined;
  /** Name in error messages if the source has none. */
  readonly name?: string | undefined;
}

const MAX_BYTES = 2 ** 30;
const MAX_PIXELS = 2 ** 27;

/** An open video: its frames can be read once. */
export interface Video extends VideoInfo {
  /** In error messages. */
  readonly name: string;
  /**
   * The frames in the order of their times, decoded as they are asked for; the video is closed at their end.
   *
   * @throws MediaError `cut-short` where the file ends early, `damaged`
   */
  frames(): AsyncGenerator<VideoFrame, void, undefined>;
  close(): Promise<void>;
}

/**
 * Opens an MP4, MOV, WebM or Matroska file with H.264, VP8, VP9 or another codec of the platform. A path on Node is read
 * in pieces, other sources whole. On Node a process of its own decodes; in browsers, WebCodecs.
 *
 * @throws MediaError `not-found`, `unsupported` for files that are no videos, videos without pictures and unknown codecs,
 *   `cut-short`, `damaged`, `too-large`
 */
export async function openVideo(source: Source, options: ReadVideoOptions = {}): Promise<Video> {
  const { tolerant = false, maxPixels = MAX_PIXELS } = options;
  const { bytes, name } = await locate(source, options);
  const reader = await openReader(bytes, { name, tolerant });
  const { width, height } = reader.info;
  if (width * height > maxPixels) {
    await reader.close();
    throw new MediaError(
      "too-large",
      `${name}: frames of ${width} x ${height}, over the limit of ${maxPixels} pixels`,
    );
  }
  return { ...reader.info, name, frames: () => framesOf(reader), close: () => reader.close() };
}

/**
 * The frames of a video.
 *
 * @example
 * for await (const { image, timestamp } of readVideo("clip.mp4")) …
 */
export async function* readVideo(
  source: Source,
  options?: ReadVideoOptions,
): AsyncGenerator<VideoFrame, void, undefined> {
  const video = await openVideo(source, options);
  yield* video.frames();
}

async function* framesOf(reader: VideoReader): AsyncGenerator<VideoFrame, void, undefined> {
  try {
    for (let frame = await reader.next(); frame; frame = await reader.next()) yield frame;
  } finally {
    await reader.close();
  }
}

async function locate(
  source: Source,
  { maxBytes = MAX_BYTES, name }: ReadVideoOptions,
): Promise<{ readonly bytes: VideoBytes; readonly name: string }> {
  if (typeof source === "string" || source instanceof URL) {
    const path = await findFile(source);
    if (path !== undefined) return { bytes: { path }, name: path };
  }
  const read = await readSource(source, maxBytes, name);
  return { bytes: { bytes: read.bytes }, name: read.name };
}

/** Whether bytes begin as a file of MP4, MOV, WebM or Matroska does; AVIF images, which are similar, do not count. */
export function isVideo(bytes: Uint8Array): boolean {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(4, 8) === "ftyp") return !/^(avi[fs]|mif1|msf1|hei[cx])$/.test(text(8, 12));
  const isMatroska = bytes[0] === 0x1a && bytes[1] === 0x45 && bytes[2] === 0xdf && bytes[3] === 0xa3;
  return isMatroska || /^(moov|mdat|wide)$/.test(text(4, 8));
}

export interface WriteVideoOptions {
  /** Frames per second; default that of the first frame's duration. */
  readonly frameRate?: number | undefined;
}

export const VIDEO_FORMATS: readonly VideoFormat[] = ["mp4", "webm"];

/**
 * Writes frames as `.mp4` (H.264) or `.webm` (VP9), as they come. The file is complete or not there. Sides become even by
 * repeating the last row or column. Node only.
 *
 * @returns the number of frames
 * @throws MediaError `unsupported` for other endings and platforms without codecs; `empty` if there are no frames; what
 *   the frames throw
 */
export async function writeVideo(
  path: string,
  frames: Iterable<VideoFrame> | AsyncIterable<VideoFrame>,
  options: WriteVideoOptions = {},
): Promise<number> {
  const ending = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase();
  const format = VIDEO_FORMATS.find((one) => one === ending);
  if (!format) throw new MediaError("unsupported", `${path}: expected a name ending in .mp4 or .webm`);
  let count = 0;
  await writeAtomically(path, async (temporary) => {
    ({ count } = await encode(frames, path, { format, path: temporary }, options));
  });
  return count;
}

/**
 * Frames as the bytes of an MP4 or WebM file; otherwise like {@link writeVideo}.
 *
 * @throws MediaError
 */
export async function encodeVideo(
  frames: Iterable<VideoFrame> | AsyncIterable<VideoFrame>,
  format: VideoFormat,
  options: WriteVideoOptions = {},
): Promise<Uint8Array> {
  const { bytes } = await encode(frames, format, { format }, options);
  return bytes as Uint8Array;
}

async function encode(
  frames: Iterable<VideoFrame> | AsyncIterable<VideoFrame>,
  name: string,
  target: { readonly format: VideoFormat; readonly path?: string },
  { frameRate }: WriteVideoOptions,
): Promise<{ readonly count: number; readonly bytes: Uint8Array | undefined }> {
  let writer: VideoWriter | undefined;
  let size: Size | undefined;
  let count = 0;
  try {
    for await (const frame of frames) {
      const { width, height } = frame.image;
      size ??= { width, height };
      if (width !== size.width || height !== size.height)
        throw new RangeError(
          `${name}: frame ${count}: expected ${size.width} x ${size.height} like the first, got ${width} x ${height}`,
        );
      writer ??= await openWriter({ ...target, name, frameRate: frameRate ?? (1 / frame.duration || 25) });
      await writer.add(frame);
      count++;
    }
    if (!writer) throw new MediaError("empty", `${name}: there are no frames to write`);
    return { count, bytes: await writer.finish() };
  } catch (error) {
    await writer?.cancel();
    throw error;
  }
}
