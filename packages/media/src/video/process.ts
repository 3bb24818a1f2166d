/**
 * The process that decodes and encodes video for Node: it reads or writes one video and exits with its parent. So a file
 * that crashes a decoder harms nothing else, and FFmpeg's messages do not reach the terminal.
 */
import { MediaError } from "../error.ts";
import { Image } from "../image/image.ts";
import { openReader, openWriter } from "./container.ts";
import { registerNativeCodecs } from "./native.ts";
import type { Frame, Reply, Request } from "./protocol.ts";
import type { VideoReader, VideoWriter } from "./types.ts";

let reader: VideoReader | undefined;
let writer: VideoWriter | undefined;

async function answer(request: Request): Promise<unknown> {
  switch (request.do) {
    case "read":
      registerNativeCodecs();
      reader = await openReader(request.bytes, request.options);
      return reader.info;
    case "next": {
      const frame = await reader?.next();
      if (!frame) return undefined;
      const { image, timestamp, duration } = frame;
      return {
        width: image.width,
        height: image.height,
        data: image.data,
        timestamp,
        duration,
      } satisfies Frame;
    }
    case "write":
      registerNativeCodecs();
      writer = await openWriter(request.options);
      return undefined;
    case "add": {
      const { width, height, data, timestamp, duration } = request.frame;
      await writer?.add({ image: new Image(width, height, 3, data), timestamp, duration });
      return undefined;
    }
    case "finish":
      return await writer?.finish();
    case "cancel":
      await writer?.cancel();
      return undefined;
  }
}

process.on("disconnect", () => process.exit(0));
// The parent decides what an interrupt means.
process.on("SIGINT", () => undefined);
process.on("message", (request: Request) => {
  void answer(request)
    .then((value): Reply => ({ value }))
    .catch((error: unknown): Reply => {
      const message = error instanceof Error ? error.message : String(error);
      return { error: message, code: error instanceof MediaError ? error.code : "damaged" };
    })
    .then((reply) => process.send?.(reply));
});
