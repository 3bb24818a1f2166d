/** Video on Node: each video is read or written by a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { MediaError } from "../error.ts";
import { Image, toRgb } from "../image/image.ts";
import type { Frame, Reply, Request } from "./protocol.ts";
import type {
  ReadOptions,
  VideoBytes,
  VideoFrame,
  VideoInfo,
  VideoReader,
  VideoWriter,
  WriteOptions,
} from "./types.ts";

export async function openReader(bytes: VideoBytes, options: ReadOptions): Promise<VideoReader> {
  const helper = new Helper(options.name);
  const info = (await helper.ask({ do: "read", bytes, options }).catch((error: unknown) => {
    helper.stop();
    throw error;
  })) as VideoInfo;
  // The next frame is decoded while the last one is used.
  let ahead: Promise<unknown> | undefined;
  const ask = () => {
    const asked = helper.ask({ do: "next" });
    asked.catch(() => undefined); // thrown where it is awaited
    return asked;
  };
  return {
    info,
    next: async () => {
      const frame = (await (ahead ?? ask())) as Frame | undefined;
      ahead = frame && ask();
      return frame && frameOf(frame);
    },
    close: async () => helper.stop(),
  };
}

function frameOf({ width, height, data, timestamp, duration }: Frame): VideoFrame {
  return { image: new Image(width, height, 3, data), timestamp, duration };
}

export async function openWriter(options: WriteOptions): Promise<VideoWriter> {
  const helper = new Helper(options.name);
  await helper.ask({ do: "write", options }).catch((error: unknown) => {
    helper.stop();
    throw error;
  });
  return {
    add: async ({ image, timestamp, duration }) => {
      const { width, height, data } = toRgb(image);
      await helper.ask({ do: "add", frame: { width, height, data, timestamp, duration } });
    },
    finish: async () => {
      const bytes = (await helper.ask({ do: "finish" })) as Uint8Array | undefined;
      helper.stop();
      return bytes;
    },
    cancel: async () => {
      await helper.ask({ do: "cancel" }).catch(() => undefined);
      helper.stop();
    },
  };
}

/** A process, asked one thing after another. It does not keep the program running while it has nothing to do. */
class Helper {
  readonly #name: string;
  readonly #child: ChildProcess;
  #last: Promise<unknown> = Promise.resolve();

  constructor(name: string) {
    this.#name = name;
    this.#child = fork(fileURLToPath(import.meta.resolve("@tessera-ml/media/video/process")), {
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#rest();
  }

  ask(request: Request): Promise<unknown> {
    const asked = this.#last.then(() => this.#exchange(request));
    this.#last = asked.catch(() => undefined);
    return asked;
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  async #exchange(request: Request): Promise<unknown> {
    const child = this.#child;
    child.ref();
    child.channel?.ref();
    try {
      const reply = await new Promise<Reply>((resolve, reject) => {
        const settle = () => {
          child.off("message", done);
          child.off("exit", ended);
          child.off("error", ended);
        };
        const done = (message: unknown) => {
          settle();
          resolve(message as Reply);
        };
        const ended = (why: unknown, signal?: unknown) => {
          settle();
          const reason = why instanceof Error ? why.message : String(signal ?? `exit code ${String(why)}`);
          reject(new MediaError("damaged", `${this.#name}: the video process ended early (${reason})`));
        };
        child.on("message", done);
        child.once("exit", ended);
        child.once("error", ended);
        if (!child.connected) ended("gone");
        else child.send(request, (error) => error && ended(error));
      });
      if ("error" in reply) throw new MediaError(reply.code, reply.error);
      return reply.value;
    } finally {
      this.#rest();
    }
  }

  #rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }
}
