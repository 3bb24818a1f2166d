/** Video Depth Anything: its relation to Depth Anything V2, gradients, messages, and joining clips. */
import { Planes } from "@tessera-ml/media";
import { fillGolden, uniformByName, uniformTensor } from "@tessera-ml/nn/golden";
import type { Tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { gradcheck } from "../../../tensor/test/support/gradcheck.ts";
import { ClipJoiner, DepthAnything, VideoDepthAnything, videoClips } from "../../src/index.ts";
import { checkParameterGradients, fillSmooth, fillTiny, TINY } from "../support.ts";

/** Temporal modules need multiples of 32 channels. */
const CLIP = { ...TINY, features: 32, outChannels: [4, 6, 32, 32], frames: 3 } as const;
const read = async (x: Tensor) => (await x.data()) as Float32Array;
const clips = uniformTensor("clips", [2, 3, 3, 6, 10]);

describe("VideoDepthAnything", () => {
  test("starts as Depth Anything V2 on every frame", async () => {
    const image = fillTiny(new DepthAnything(CLIP));
    const video = new VideoDepthAnything(CLIP);
    const state = image.stateDict();
    for (const [path, variable] of video.stateDict()) {
      const same = state.get(path.replace(/^head\./, "depth_head."));
      if (same) variable.assign(same);
    }
    const got = await read(video.forward(clips));
    const expected = await read(image.forward(clips.flatten(0, 1)));
    expect(got).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 4);
  });

  test("relates the frames of a clip, and only these", async () => {
    const model = fillTiny(new VideoDepthAnything(CLIP));
    const [both, second] = [
      await read(model.forward(clips)),
      await read(model.forward(clips.narrow(0, 1, 1))),
    ];
    const alone = await read(model.forward(clips.narrow(0, 1, 1).narrow(1, 0, 1)));
    for (const [i, value] of second.entries()) expect(both[180 + i]).toBeCloseTo(value, 4);
    expect(Math.max(...alone.map((value, i) => Math.abs(value - second[i]!)))).toBeGreaterThan(1e-2);
  });

  test("takes an image as a clip of one frame", async () => {
    const model = fillTiny(new VideoDepthAnything(CLIP));
    const images = clips.select(1, 0); // [2, 3, 6, 10]
    const got = await read(model.forward(images));
    const expected = await read(model.forward(clips.narrow(1, 0, 1)));
    for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 4);
  });

  test("gradients", async () => {
    const model = fillSmooth(new VideoDepthAnything(CLIP));
    fillGolden(model.head.motion_modules[0]); // whose attention would be nearly uniform
    await gradcheck((x) => model.forward(x), [uniformTensor("x", [1, 3, 3, 6, 4])], { step: 2 ** -7 });
    const weights = uniformTensor("weights", [2, 3, 6, 10]);
    const transformer = "head.motion_modules.0.temporal_transformer";
    await checkParameterGradients(
      model,
      [
        `${transformer}.norm.weight`,
        `${transformer}.transformer_blocks.0.attention_blocks.1.to_k.weight`,
        `${transformer}.transformer_blocks.0.ff.net.0.proj.bias`,
      ],
      () => model.forward(clips).mul(weights).sum(),
    );
  });

  test("inputs that do not fit", () => {
    const model = new VideoDepthAnything(CLIP).eval();
    expect(() => model.forward(uniformTensor("x", [1, 4, 3, 6, 4]))).toThrow(
      "pos_encoder: expected at most 3 frames, got 4",
    );
    expect(() => model.forward(uniformTensor("x", [3, 6, 4]))).toThrow(
      "expected [B, T, 3, H, W], got [3, 6, 4]",
    );
  });
});

describe("clips", () => {
  test("repeat key frames of the clip before", () => {
    expect(videoClips(0)).toEqual([]);
    expect(videoClips(3)).toEqual([[0, 1, ...new Array<number>(30).fill(2)]]);
    const [first, second, third] = videoClips(60);
    expect(first).toEqual([...new Array(32).keys()]);
    expect(second).toEqual([0, 12, ...Array.from({ length: 30 }, (_, i) => 24 + i)]);
    expect(third?.slice(0, 12)).toEqual([0, 34, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55]);
    expect(third?.slice(-3)).toEqual([59, 59, 59]);
  });

  const truth = Array.from(
    { length: 80 },
    (_, frame) =>
      new Planes(
        1,
        3,
        4,
        uniformByName(`frame ${frame}`, 12).map((u) => 5 + u),
      ),
  );
  const join = (joiner: ClipJoiner, mapsOf: (frames: number[], clip: number) => Planes[]): Planes[] => {
    const joined = videoClips(truth.length).flatMap((frames, clip) => joiner.push(mapsOf(frames, clip)));
    return [...joined, ...joiner.finish()].slice(0, truth.length);
  };
  const scaled = (frames: number[], clip: number) =>
    frames.map((frame) => {
      const { data } = truth[frame] as Planes;
      return new Planes(
        1,
        3,
        4,
        data.map((value) => value * (1 + 0.5 * clip) + 3 * clip),
      );
    });

  test("of any scale and shift become one video", () => {
    const joined = join(new ClipJoiner(), scaled);
    expect(joined).toHaveLength(80);
    for (const [frame, { data }] of joined.entries())
      for (const [i, value] of data.entries()) expect(value).toBeCloseTo(truth[frame]!.data[i]!, 3);
  });

  test("in metres are not aligned, but cross-faded over eight frames", () => {
    const joined = join(new ClipJoiner({ metric: true }), (frames, clip) =>
      frames.map(() => new Planes(1, 1, 1, Float32Array.of(clip))),
    );
    const values = joined.map(({ data }) => data[0]!);
    expect(values.slice(0, 25)).toEqual(new Array(25).fill(0));
    for (let i = 0; i < 8; i++) expect(values[24 + i]).toBeCloseTo(i / 7, 6);
    expect(values.slice(31, 47)).toEqual(new Array(16).fill(1));
    expect(values.at(-1)).toBe(3);
  });

  test("never give negative depth", () => {
    const joined = join(new ClipJoiner(), (frames, clip) =>
      scaled(frames, clip).map((map, i) =>
        i < 2
          ? map
          : new Planes(
              1,
              3,
              4,
              map.data.map((value) => (clip === 0 ? value : value - 50)),
            ),
      ),
    );
    for (const { data } of joined.slice(32)) expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
  });

  test("of the wrong length or size are errors", () => {
    const joiner = new ClipJoiner();
    expect(() => joiner.push(truth.slice(0, 31))).toThrow("expected 32 maps, got 31");
    joiner.push(truth.slice(0, 32));
    expect(() => joiner.push(new Array(32).fill(new Planes(1, 2, 2)))).toThrow(
      "expected maps of 12 values, got 4",
    );
  });
});
