/** What the two halves of video share: the page, or Node and the process that decodes for it. Types only. */
import type { Image } from "../image/image.ts";

export interface VideoFrame {
  /** RGB, upright. */
  readonly image: Image;
  /** When it appears, in seconds. */
  readonly timestamp: number;
  /** For how long, in seconds. */
  readonly duration: number;
}

export interface VideoInfo {
  /** Of upright frames. */
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
  /** Frames per second, the mean of the first ones. */
  readonly frameRate: number;
  /** `avc` (H.264), `vp8`, `vp9`, `hevc`, `av1`. */
  readonly codec: string;
}

export type VideoFormat = "mp4" | "webm";

/** Where the bytes of a video are. */
export type VideoBytes = { readonly path: string } | { readonly bytes: Uint8Array };

export interface ReadOptions {
  /** In error messages. */
  readonly name: string;
  /** Ends where the file was cut short, instead of throwing. */
  readonly tolerant: boolean;
}

export interface WriteOptions {
  /** In error messages. */
  readonly name: string;
  readonly format: VideoFormat;
  /** The file to write; without it, the bytes are returned in the end. Node only. */
  readonly path?: string | undefined;
  readonly frameRate: number;
}

export interface VideoReader {
  readonly info: VideoInfo;
  /** The next frame; undefined after the last. */
  next(): Promise<VideoFrame | undefined>;
  close(): Promise<void>;
}

export interface VideoWriter {
  /** Every frame has the size of the first. */
  add(frame: VideoFrame): Promise<void>;
  /** The bytes, unless they were written to a path. */
  finish(): Promise<Uint8Array | undefined>;
  /** Ends without a complete file. */
  cancel(): Promise<void>;
}
