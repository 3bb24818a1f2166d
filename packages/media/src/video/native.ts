/**
 * FFmpeg's decoders, OpenH264 and libvpx in place of WebCodecs, which Node lacks: the native classes of `@node-webcodecs`,
 * which is built without components under the GPL. Its own WebCodecs classes are not used: their queues have no end.
 */
import { createRequire } from "node:module";
import {
  CustomVideoDecoder,
  CustomVideoEncoder,
  EncodedPacket,
  registerDecoder,
  registerEncoder,
  type VideoCodec,
  VideoSample,
} from "mediabunny";
import { MediaError } from "../error.ts";
import { i420Length } from "./yuv.ts";

interface NativeFrame {
  readonly width: number;
  readonly height: number;
  copyTo(into: Buffer, options: { format: "I420" }): void;
  close(): void;
}

type OnError = (message: string) => void;

interface NativeDecoder {
  configure(options: { codec: string; width?: number; height?: number; extradata?: Buffer }): void;
  decode(data: Buffer, isKey: boolean, timestamp: number, duration: number): void;
  flush(done: () => void): void;
  close(): void;
}

interface NativeEncoder {
  configure(options: object): void;
  encode(frame: NativeFrame, timestamp: number, isKey: boolean): void;
  flush(done: () => void): void;
  close(): void;
}

/** All calls are synchronous. */
interface Binding {
  readonly VideoFrameNative: new (data: Buffer, format: "I420", width: number, height: number) => NativeFrame;
  readonly VideoDecoderNative: new (onFrame: (frame: NativeFrame) => void, onError: OnError) => NativeDecoder;
  readonly VideoEncoderNative: new (
    onPacket: (data: Buffer, isKey: boolean, timestamp: number) => void,
    onError: OnError,
  ) => NativeEncoder;
}

/** FFmpeg's names. */
const DECODERS: Partial<Record<VideoCodec, string>> = {
  avc: "h264",
  hevc: "hevc",
  vp8: "vp8",
  vp9: "vp9",
  av1: "libdav1d",
};
const ENCODERS: Partial<Record<VideoCodec, string>> = {
  avc: "libopenh264",
  vp8: "libvpx",
  vp9: "libvpx-vp9",
};

/** @throws MediaError `unsupported` on platforms without codecs */
export function registerNativeCodecs(): void {
  const platform = `${process.platform}-${process.arch}`;
  let binding: Binding;
  try {
    binding = createRequire(import.meta.url)(`@node-webcodecs/static-${platform}`) as Binding;
  } catch (error) {
    throw new MediaError(
      "unsupported",
      `video: no codecs for ${platform}: npm install @node-webcodecs/static-${platform}, if it exists`,
      error,
    );
  }
  registerDecoder(decoderOf(binding));
  registerEncoder(encoderOf(binding));
}

function decoderOf({ VideoDecoderNative }: Binding): typeof CustomVideoDecoder {
  return class extends CustomVideoDecoder {
    #native: NativeDecoder | undefined;
    #failure: string | undefined;
    /** Of the packets whose frames are to come. Frames come in the order of their times, packets may not. */
    readonly #waiting: { readonly timestamp: number; readonly duration: number }[] = [];

    static override supports(codec: VideoCodec): boolean {
      return codec in DECODERS;
    }

    init(): void {
      const { description, codedWidth, codedHeight } = this.config;
      this.#native = new VideoDecoderNative(
        (frame) => this.#emit(frame),
        (message) => {
          this.#failure ??= message;
        },
      );
      this.#native.configure({
        codec: DECODERS[this.codec] as string,
        ...(codedWidth !== undefined && { width: codedWidth }),
        ...(codedHeight !== undefined && { height: codedHeight }),
        ...(description !== undefined && { extradata: bufferOf(description) }),
      });
    }

    decode({ data, type, timestamp, duration }: EncodedPacket): void {
      const at = this.#waiting.findLastIndex((other) => other.timestamp <= timestamp) + 1;
      this.#waiting.splice(at, 0, { timestamp, duration });
      this.#native?.decode(
        bufferOf(data),
        type === "key",
        Math.round(timestamp * 1e6),
        Math.round(duration * 1e6),
      );
      this.#check();
    }

    flush(): void {
      this.#native?.flush(() => undefined);
      this.#check();
    }

    close(): void {
      this.#native?.close();
    }

    #check(): void {
      if (this.#failure !== undefined) throw new Error(this.#failure);
    }

    #emit(frame: NativeFrame): void {
      const { width, height } = frame;
      const bytes = Buffer.alloc(i420Length(width, height));
      frame.copyTo(bytes, { format: "I420" });
      frame.close();
      const { timestamp, duration } = this.#waiting.shift() ?? { timestamp: 0, duration: 0 };
      const { matrix, fullRange, ...rest } = this.config.colorSpace ?? {};
      // FFmpeg converts full-range H.264 on the way to I420.
      const range = fullRange === true && this.codec !== "avc";
      this.onSample(
        new VideoSample(bytes, {
          format: "I420",
          codedWidth: width,
          codedHeight: height,
          timestamp,
          duration,
          colorSpace: { ...rest, matrix: matrix ?? null, fullRange: range },
        }),
      );
    }
  };
}

function encoderOf({ VideoEncoderNative, VideoFrameNative }: Binding): typeof CustomVideoEncoder {
  return class extends CustomVideoEncoder {
    #native: NativeEncoder | undefined;
    #failure: string | undefined;
    readonly #durations = new Map<number, number>();

    static override supports(codec: VideoCodec, { bitrateMode }: VideoEncoderConfig): boolean {
      return codec in ENCODERS && bitrateMode !== "quantizer";
    }

    init(): void {
      const { width, height, bitrate, framerate } = this.config;
      this.#native = new VideoEncoderNative(
        (data, isKey, timestamp) => this.#emit(data, isKey, timestamp),
        (message) => {
          this.#failure ??= message;
        },
      );
      this.#native.configure({
        ...{ codec: ENCODERS[this.codec], width, height, bitrate, latencyMode: "realtime" },
        framerate: Math.max(1, Math.round(framerate ?? 25)),
        hardwareAcceleration: "prefer-software",
        colorSpace: { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false },
      });
    }

    async encode(sample: VideoSample, { keyFrame = false }: { readonly keyFrame?: boolean }): Promise<void> {
      const { codedWidth, codedHeight, microsecondTimestamp, duration } = sample;
      const bytes = Buffer.alloc(sample.allocationSize());
      await sample.copyTo(bytes);
      const frame = new VideoFrameNative(bytes, "I420", codedWidth, codedHeight);
      this.#durations.set(microsecondTimestamp, duration);
      this.#native?.encode(frame, microsecondTimestamp, keyFrame);
      frame.close();
      this.#check();
    }

    flush(): void {
      this.#native?.flush(() => undefined);
      this.#check();
    }

    close(): void {
      this.#native?.close();
    }

    #check(): void {
      if (this.#failure !== undefined) throw new Error(this.#failure);
    }

    #emit(data: Buffer, isKey: boolean, timestamp: number): void {
      const duration = this.#durations.get(timestamp) ?? 0;
      this.#durations.delete(timestamp);
      const packet = new EncodedPacket(
        Uint8Array.from(data),
        isKey ? "key" : "delta",
        timestamp / 1e6,
        duration,
      );
      const { codec, width, height } = this.config;
      this.onPacket(packet, {
        decoderConfig: {
          ...{ codec, codedWidth: width, codedHeight: height },
          colorSpace: { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false },
        },
      });
    }
  };
}

/** Always a copy: the binding takes only whole buffers. */
function bufferOf(data: AllowSharedBufferSource): Buffer {
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    : Buffer.from(data as ArrayBuffer);
}
