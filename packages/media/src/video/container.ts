/** Videos in files, by mediabunny. Frames are decoded and encoded by WebCodecs or what is registered in its place. */
import {
  BufferSource,
  BufferTarget,
  FilePathSource,
  FilePathTarget,
  Input,
  type InputVideoTrack,
  MATROSKA,
  MP4,
  Mp4OutputFormat,
  Output,
  QTFF,
  QUALITY_HIGH,
  UnsupportedInputFormatError,
  VideoSample,
  VideoSampleSink,
  VideoSampleSource,
  WEBM,
  WebMOutputFormat,
} from "mediabunny";
import { MediaError } from "../error.ts";
import { Image, toRgb } from "../image/image.ts";
import { rotate } from "./rotate.ts";
import type {
  ReadOptions,
  VideoBytes,
  VideoFrame,
  VideoInfo,
  VideoReader,
  VideoWriter,
  WriteOptions,
} from "./types.ts";
import { fromYuv, i420Length, toI420, type YuvColors } from "./yuv.ts";

/** Packets whose mean rate is the frame rate. */
const SAMPLED_PACKETS = 60;

/** @throws MediaError `unsupported`, `cut-short`, `damaged` */
export async function openReader(bytes: VideoBytes, { name, tolerant }: ReadOptions): Promise<VideoReader> {
  const input = new Input({
    formats: [MP4, QTFF, WEBM, MATROSKA],
    source: "path" in bytes ? new FilePathSource(bytes.path) : new BufferSource(bytes.bytes),
  });
  const track = await videoTrack(input, name).catch((error: unknown) => {
    input.dispose();
    throw error;
  });
  const info = await describe(track);
  const samples = new VideoSampleSink(track).samples();
  let end = 0;
  return {
    info,
    next: async () => {
      const step = await samples.next().catch((error: unknown) => {
        if (tolerant) return { done: true, value: undefined } as const;
        throw new MediaError(
          "damaged",
          `${name}: damaged after ${end.toFixed(2)} s (${reasonOf(error)})`,
          error,
        );
      });
      if (!step.done) {
        const frame = await frameOf(step.value);
        end = frame.timestamp + frame.duration;
        return frame;
      }
      if (end === 0) throw new MediaError("damaged", `${name}: has a video track without frames`);
      // The length is in the header, so that a file that was cut short promises more than it has.
      if (!tolerant && end < info.seconds - 2.5 / info.frameRate)
        throw new MediaError(
          "cut-short",
          `${name}: cut short: it has ${end.toFixed(2)} s of ${info.seconds.toFixed(2)} s`,
        );
      return undefined;
    },
    close: async () => {
      await samples.return();
      input.dispose();
    },
  };
}

async function videoTrack(input: Input, name: string): Promise<InputVideoTrack> {
  try {
    const track = await input.getPrimaryVideoTrack();
    if (track) {
      const codec = await track.getCodec();
      if (codec === null || !(await track.canDecode()))
        throw new MediaError("unsupported", `${name}: its video codec ${codec ?? ""} cannot be decoded here`);
      return track;
    }
    const tracks = await input.getTracks();
    if (tracks.length > 0)
      throw new MediaError("unsupported", `${name}: has no pictures: its only tracks are ${kindsOf(tracks)}`);
  } catch (error) {
    if (error instanceof MediaError) throw error;
    if (error instanceof UnsupportedInputFormatError)
      throw new MediaError("unsupported", `${name}: expected a video: MP4, MOV, WebM or Matroska`, error);
    // The container's assertions have no message of their own.
    const reason = reasonOf(error).replace(/^Assertion failed\.?$/, "");
    throw new MediaError("damaged", `${name}: damaged, or not a video${reason && ` (${reason})`}`, error);
  }
  throw new MediaError("cut-short", `${name}: has no tracks: it was cut short before its index, or is empty`);
}

function kindsOf(tracks: readonly { readonly type: string }[]): string {
  return [...new Set(tracks.map(({ type }) => type))].join(" and ");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function describe(track: InputVideoTrack): Promise<VideoInfo> {
  const { averagePacketRate } = await track.computePacketStats(SAMPLED_PACKETS);
  const [coded, codedHeight] = [await track.getCodedWidth(), await track.getCodedHeight()];
  const turned = (await track.getRotation()) % 180 !== 0;
  return {
    width: turned ? codedHeight : coded,
    height: turned ? coded : codedHeight,
    seconds: (await track.getDurationFromMetadata()) ?? (await track.computeDuration()),
    frameRate: averagePacketRate > 0 ? averagePacketRate : 25,
    codec: (await track.getCodec()) as string,
  };
}

/** Takes a sample's pixels and closes it. */
async function frameOf(sample: VideoSample): Promise<VideoFrame> {
  try {
    const { timestamp, duration, rotation } = sample;
    return { image: rotate(await imageOf(sample), rotation), timestamp, duration };
  } finally {
    sample.close();
  }
}

async function imageOf(sample: VideoSample): Promise<Image> {
  const { codedWidth: width, codedHeight: height, format } = sample;
  if (format === "I420" || format === "NV12") {
    const bytes = new Uint8Array(Math.max(sample.allocationSize(), i420Length(width, height)));
    await sample.copyTo(bytes);
    return fromYuv(bytes, width, height, colorsOf(sample), format === "NV12");
  }
  const bytes = new Uint8Array(sample.allocationSize({ format: "RGBA" }));
  await sample.copyTo(bytes, { format: "RGBA" });
  return toRgb(new Image(width, height, 4, bytes));
}

/** Files that do not say mean BT.601 in standard and BT.709 in high definition. */
function colorsOf({ colorSpace, codedHeight }: VideoSample): YuvColors {
  const { matrix, fullRange } = colorSpace;
  const guess = codedHeight >= 720 ? "bt709" : "bt601";
  const known = { bt709: "bt709", bt470bg: "bt601", smpte170m: "bt601", "bt2020-ncl": "bt2020" } as const;
  return { matrix: known[matrix as keyof typeof known] ?? guess, fullRange: fullRange ?? false };
}

/** Writes H.264 in MP4, VP9 in WebM. Sides are made even by repeating the last row or column. */
export async function openWriter({ format, path, frameRate }: WriteOptions): Promise<VideoWriter> {
  const buffer = path === undefined ? new BufferTarget() : undefined;
  const output = new Output({
    format: format === "mp4" ? new Mp4OutputFormat() : new WebMOutputFormat(),
    target: buffer ?? new FilePathTarget(path as string),
  });
  const source = new VideoSampleSource({
    codec: format === "mp4" ? "avc" : "vp9",
    quality: QUALITY_HIGH,
    latencyMode: "realtime",
    keyFrameInterval: 2,
  });
  output.addVideoTrack(source, { frameRate });
  await output.start();
  return {
    add: async ({ image, timestamp, duration }) => {
      const even = evenSides(toRgb(image));
      const sample = new VideoSample(toI420(even), {
        format: "I420",
        codedWidth: even.width,
        codedHeight: even.height,
        timestamp,
        duration,
        colorSpace: { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false },
      });
      await source.add(sample).finally(() => sample.close());
    },
    finish: async () => {
      await output.finalize();
      return buffer?.buffer ? new Uint8Array(buffer.buffer) : undefined;
    },
    cancel: () => output.cancel(),
  };
}

function evenSides(image: Image): Image {
  const { width, height, data } = image;
  if (width % 2 === 0 && height % 2 === 0) return image;
  const out = new Image(width + (width % 2), height + (height % 2), 3);
  for (let y = 0; y < out.height; y++)
    for (let x = 0; x < out.width; x++) {
      const from = 3 * (Math.min(y, height - 1) * width + Math.min(x, width - 1));
      out.data.set(data.subarray(from, from + 3), 3 * (y * out.width + x));
    }
  return out;
}
