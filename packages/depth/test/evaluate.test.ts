import { Image, Planes } from "@tessera-ml/media";
import { describe, expect, test } from "vitest";
import type { RgbdFrame } from "../src/data/index.ts";
import { evaluateFrame, evaluateSet, meanWithInterval } from "../src/evaluate/index.ts";

const [WIDTH, HEIGHT] = [8, 6];
const COUNT = WIDTH * HEIGHT;

function frameOf(
  name: string,
  values: (i: number) => number,
  kind: "depth" | "disparity" = "depth",
): RgbdFrame {
  const target = new Planes(
    1,
    HEIGHT,
    WIDTH,
    Float32Array.from({ length: COUNT }, (_, i) => values(i)),
  );
  const image = new Image(WIDTH, HEIGHT, 3);
  return { name, image, kind, target, valid: Uint8Array.from(target.data, (value) => Number(value > 0)) };
}

const map = (values: (i: number) => number) =>
  new Planes(
    1,
    HEIGHT,
    WIDTH,
    Float32Array.from({ length: COUNT }, (_, i) => values(i)),
  );
const metres = (i: number) => 1 + i / 10;

describe("one image", () => {
  test("disparity that is right up to scale and shift has no error", () => {
    const { metrics, alignment, valid } = evaluateFrame(
      map((i) => 7 / metres(i) - 3),
      frameOf("a", metres),
    );
    expect(metrics.absRel).toBeLessThan(1e-5);
    expect(metrics.delta1).toBe(1);
    expect(alignment?.scale).toBeCloseTo(1 / 7, 4);
    expect(valid).toBe(COUNT);
  });

  test("only pixels within the cap and the crop count", () => {
    const frame = frameOf("a", (i) => (i < 10 ? 0 : metres(i)));
    const found = evaluateFrame(
      map((i) => 1 / metres(i)),
      frame,
      { cap: 3.05 },
    );
    expect(found.valid).toBe(11); // 10 to 20: 2.0 m to 3.0 m
    expect([...found.target.data].filter((value) => value > 0)).toHaveLength(11);
    // Garg's crop keeps rows 2 to 4 of 6 and columns 0 to 6 of 8.
    expect(
      evaluateFrame(
        map((i) => 1 / metres(i)),
        frame,
        { crop: "garg" },
      ).valid,
    ).toBe(3 * 7);
  });

  test("metres are compared as they are, by their median, or aligned", () => {
    const wrong = map((i) => 2 * metres(i));
    const options = { kind: "metric" } as const;
    const plain = evaluateFrame(wrong, frameOf("a", metres), options);
    expect(plain.metrics.absRel).toBeCloseTo(1, 5);
    expect(plain.metrics.silog).toBeCloseTo(0, 3);
    for (const align of ["median", "least-squares", "robust"] as const)
      expect(evaluateFrame(wrong, frameOf("a", metres), { ...options, align }).metrics.absRel).toBeLessThan(
        1e-5,
      );
    expect(() => evaluateFrame(wrong, frameOf("a", metres), { align: "none" })).toThrow(
      "align: expected least-squares or robust for relative disparity, got none",
    );
  });

  test("a robust fit is not moved by a part of the image", () => {
    const noisy = map((i) => (i % 5 === 0 ? 40 : 1 / metres(i)));
    const error = (align: "robust" | "least-squares") => {
      const { depth, target } = evaluateFrame(noisy, frameOf("a", metres), { align });
      return Math.abs(depth.data[1]! - target.data[1]!);
    };
    expect(error("robust")).toBeLessThan(0.01);
    expect(error("least-squares")).toBeGreaterThan(0.1);
  });

  test("disparity of unknown unit: relative errors, but none in metres", () => {
    const frame = frameOf("stereo", (i) => 300 / metres(i), "disparity");
    const { metrics } = evaluateFrame(
      map((i) => 1 / metres(i)),
      frame,
    );
    expect(metrics.absRel).toBeLessThan(1e-5);
    expect(metrics.rmse).toBeNaN();
    const off = evaluateFrame(
      map((i) => 1 / metres(i) + (i % 2) / 20),
      frame,
    ).metrics.absRel;
    const other = frameOf("stereo", (i) => 0.01 / metres(i), "disparity");
    expect(
      evaluateFrame(
        map((i) => 1 / metres(i) + (i % 2) / 20),
        other,
      ).metrics.absRel,
    ).toBeCloseTo(off, 5);
    expect(() => evaluateFrame(map(metres), frame, { kind: "metric" })).toThrow("its disparity has no unit");
  });

  test("predictions that are no maps", () => {
    const frame = frameOf("a", metres);
    expect(() => evaluateFrame(new Planes(2, 3, 4), frame)).toThrow("a: expected a prediction [1, H, W]");
    expect(() =>
      evaluateFrame(
        map((i) => (i === 3 ? Number.NaN : i)),
        frame,
      ),
    ).toThrow("a pixel that is NaN");
    expect(() =>
      evaluateFrame(
        map(metres),
        frameOf("b", () => 200),
      ),
    ).toThrow("b: only 0 pixels of its depth");
  });

  test("a constant prediction and a smaller one have finite errors", () => {
    const { metrics } = evaluateFrame(
      map(() => 5),
      frameOf("a", metres),
    );
    expect(Object.values(metrics).every(Number.isFinite)).toBe(true);
    const small = new Planes(
      1,
      3,
      4,
      Float32Array.from({ length: 12 }, (_, i) => 1 / (1 + i)),
    );
    expect(Number.isFinite(evaluateFrame(small, frameOf("a", metres)).metrics.absRel)).toBe(true);
  });
});

describe("a set", () => {
  const frames = [
    frameOf("a", metres),
    undefined,
    frameOf("c", (i) => 2 + i / 10),
    frameOf("far", () => 200),
    frameOf("e", (i) => 3 + (i % 7)),
  ];
  const set = {
    folder: "here",
    pairs: frames.map((_, i) => ({ name: `pair ${i}` })),
    protocol: { cap: 10 },
    read: async (i: number) => {
      const frame = frames[i];
      if (!frame) throw new Error("here/1.png: no image");
      return frame;
    },
  };
  const ramp = () => map((i) => -i);

  test("means are over the images that can be read; the others are listed", async () => {
    const inspected: string[] = [];
    const { images, means, skipped } = await evaluateSet(ramp, set, {
      inspect: ({ name }) => inspected.push(name),
    });
    expect(images.map(({ name }) => name)).toEqual(["pair 0", "pair 2", "pair 4"]);
    expect(inspected).toEqual(["a", "c", "e"]);
    expect(means.absRel).toEqual(meanWithInterval(images.map(({ metrics }) => metrics.absRel)));
    expect(skipped).toEqual([
      { name: "pair 1", reason: "here/1.png: no image" },
      { name: "pair 3", reason: expect.stringContaining("far: only 0 pixels") },
    ]);
  });

  test("its own cap holds unless another is given", async () => {
    const valid = async (cap?: number) =>
      (await evaluateSet(ramp, set, { cap, limit: 1 })).images.map(({ valid }) => valid);
    expect(await valid()).toEqual([COUNT]);
    expect(await valid(2)).toEqual([10]);
  });

  test("nothing to evaluate, and a network that fails, are errors", async () => {
    const broken = {
      ...set,
      pairs: [{ name: "x" }],
      read: () => Promise.reject(new Error("x.png: damaged")),
    };
    await expect(evaluateSet(ramp, broken)).rejects.toThrow(
      "here: none of 1 images can be evaluated; the first: x.png: damaged",
    );
    const fail = () => Promise.reject(new Error("no memory"));
    await expect(evaluateSet(fail, set)).rejects.toThrow("no memory");
  });
});

test("intervals of means are those of Student's t distribution", () => {
  // scipy.stats.t.interval(0.95, 4, loc=3, scale=scipy.stats.sem([1, 2, 3, 4, 5]))
  expect(meanWithInterval([1, 2, Number.NaN, 3, 4, 5])).toEqual({
    mean: 3,
    interval: expect.closeTo(1.96324, 3),
    count: 5,
  });
  const many = Array.from({ length: 41 }, (_, i) => i); // t = 2.021075
  expect(meanWithInterval(many).interval).toBeCloseTo(2.021075 * Math.sqrt(143.5 / 41), 3);
  expect(meanWithInterval([4]).interval).toBeNaN();
});
