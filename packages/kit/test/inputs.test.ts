import { Clip, encodeImage, encodeVideo, Image } from "@tessera-ml/media";
import { describe, expect, it } from "vitest";
import {
  type AnswerContext,
  type AnswerProgress,
  type AnyTask,
  answerAsJson,
  askAll,
  decodeInput,
  type Opened,
} from "../src/index.ts";

const image = new Image(16, 8, 3);
const png = new Uint8Array(await encodeImage(image, "png"));
const webm = await encodeVideo([{ image, timestamp: 0, duration: 0.1 }], "webm");

describe("decodeInput", () => {
  it("tells videos from images where a task accepts both", async () => {
    const both = ["image", "video"] as const;
    expect(await decodeInput(both, png)).toBeInstanceOf(Image);
    expect(await decodeInput(both, image)).toBe(image);
    const clip = (await decodeInput(both, webm, { name: "a clip" })) as Clip;
    expect(clip).toBeInstanceOf(Clip);
    expect(clip.name).toBe("a clip");
    expect(await decodeInput(both, clip)).toBe(clip);
    await expect(decodeInput(both, new Uint8Array(20), { name: "zeros" })).rejects.toThrow("zeros");
  });

  it("takes images or videos alone where a task accepts only these", async () => {
    expect(await decodeInput(["image"], png)).toBeInstanceOf(Image);
    await expect(decodeInput(["image"], webm, { name: "a clip" })).rejects.toThrow("a clip");
    const clip = (await decodeInput(["video"], png, { name: "a picture" })) as Clip;
    await expect(clip.open()).rejects.toThrow("a picture: expected a video");
    expect(await decodeInput(["text"], "words")).toBe("words");
    expect(await decodeInput(["audio"], png)).toBe(png);
  });
});

describe("videos", () => {
  const clip = Clip.ofImages([image]);
  const opened = {
    record: { name: "toy" },
    answer: async (inputs: readonly (Image | Clip)[]) =>
      inputs.map((input) => `image ${(input as Image).width}`),
    video: (_: Clip, { plus }: { plus: number }, { progress }: AnswerContext) => {
      progress?.({ what: "clip", done: 1, total: 2 });
      return `video ${plus}`;
    },
    release: () => undefined,
  } as unknown as Opened<Image | Clip, { plus: number }, string>;

  it("are answered apart from images, in their place", async () => {
    const seen: AnswerProgress[] = [];
    const asked = askAll(
      [opened],
      [image, clip, image],
      { plus: 3 },
      {
        decode: async (source) => source,
        answerProgress: (progress) => void seen.push(progress),
      },
    );
    const answers = (await Array.fromAsync(asked)).map(({ answers }) => answers[0]);
    expect(answers).toEqual(["image 16", "video 3", "image 16"]);
    expect(seen).toEqual([{ what: "clip", done: 1, total: 2 }]);
    const task = { load: async () => ({ toJson: async (text: string) => ({ text }) }) } as unknown as AnyTask;
    expect(await answerAsJson(task, opened as never, clip, { plus: 1 }, {})).toEqual({
      model: "toy",
      text: "video 1",
    });
  });

  it("go to answer where a checkpoint has nothing else for them", async () => {
    const { video: _, ...rest } = opened;
    const asked = askAll([rest as typeof opened], [clip], { plus: 0 }, { decode: async (source) => source });
    expect((await Array.fromAsync(asked))[0]?.answers).toEqual(["image undefined"]);
  });
});
