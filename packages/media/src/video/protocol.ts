/** Messages between Node and the process that decodes for it: every request has one reply. Types only. */
import type { MediaErrorCode } from "../error.ts";
import type { ReadOptions, VideoBytes, WriteOptions } from "./types.ts";

/** RGB: images lose their class on the way. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  readonly timestamp: number;
  readonly duration: number;
}

export type Request =
  | { readonly do: "read"; readonly bytes: VideoBytes; readonly options: ReadOptions }
  | { readonly do: "next" }
  | { readonly do: "write"; readonly options: WriteOptions }
  | { readonly do: "add"; readonly frame: Frame }
  | { readonly do: "finish" }
  | { readonly do: "cancel" };

export type Reply = { readonly value: unknown } | { readonly error: string; readonly code: MediaErrorCode };
