import { describe, expect, it } from "vitest";
import { ApiError } from "../../src/api/index.ts";
import { readEvents } from "../../src/app/engine/events.ts";
import { UploadedFiles } from "../../src/app/engine/uploads.ts";

describe("readEvents", () => {
  const read = async (...chunks: string[]) => {
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });
    return await Array.fromAsync(readEvents(body));
  };
  const stream =
    ': hello\n\nevent: progress\ndata: {"done":1}\n\nid: 7\nevent: answer\ndata: a\ndata:b\n\ndata: cut';

  it("reads names and data, joins lines, and skips comments and incomplete events", async () => {
    expect(await read(stream)).toEqual([
      { event: "progress", data: '{"done":1}' },
      { event: "answer", data: "a\nb" },
    ]);
    expect(await read("data: plain\n\n")).toEqual([{ event: "message", data: "plain" }]);
  });

  it.each(["\n", "\r\n"])("reads the same events from any chunks, with line breaks %j", async (end) => {
    const text = `${stream.replaceAll("\n", end)}${end}${end}`;
    const whole = await read(text);
    expect(whole.map(({ event }) => event)).toEqual(["progress", "answer", "message"]);
    for (let at = 1; at < text.length; at++)
      expect(await read(text.slice(0, at), text.slice(at))).toEqual(whole);
  });
});

describe("UploadedFiles", () => {
  const gone = new ApiError("not-found", "gone", "input");
  const files = () => {
    const sent: Blob[] = [];
    const uploaded = new UploadedFiles(async (file) => {
      sent.push(file);
      return { id: String(sent.length), mediaType: file.type, bytes: file.size };
    });
    return { sent, uploaded };
  };

  it("sends each file once", async () => {
    const { sent, uploaded } = files();
    const [a, b] = [new Blob(["a"]), new Blob(["b"])];
    const ask = async (input: string) => input;
    const inputs = await Promise.all([a, a, b].map((file) => uploaded.use(file, ask)));
    expect(inputs).toEqual(["upload:1", "upload:1", "upload:2"]);
    expect(sent).toEqual([a, b]);
  });

  it("sends a dropped file once more for all requests", async () => {
    const { sent, uploaded } = files();
    const file = new Blob(["a"]);
    const ask = async (input: string) => {
      if (input === "upload:1") throw gone;
      return input;
    };
    const inputs = await Promise.all([uploaded.use(file, ask), uploaded.use(file, ask)]);
    expect(inputs).toEqual(["upload:2", "upload:2"]);
    expect(sent).toEqual([file, file]);
    await expect(uploaded.use(file, () => Promise.reject(gone))).rejects.toBe(gone);
  });

  it("passes other errors on, and retries after a failed upload", async () => {
    let up = false;
    const uploaded = new UploadedFiles(async () => {
      if (!up) throw new Error("down");
      return { id: "1", mediaType: "a/b", bytes: 1 };
    });
    const file = new Blob(["a"]);
    await expect(uploaded.use(file, async () => 1)).rejects.toThrow("down");
    up = true;
    expect(await uploaded.use(file, async () => 1)).toBe(1);
    const other = new ApiError("not-found", "no such model", "models");
    await expect(uploaded.use(file, () => Promise.reject(other))).rejects.toBe(other);
  });
});
