/** Following objects on a small network: prompts, corrections, several objects, streams, what is refused. */
import { Image } from "@tessera-ml/media";
import { uniformByName } from "@tessera-ml/nn/golden";
import { fromArray } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import {
  type FrameMasks,
  type Mask,
  type MemoryUse,
  maskArea,
  maskOf,
  type ObjectMask,
  type VideoSession,
} from "../../src/index.ts";
import { fromBfloat16, roundBfloat16, toBfloat16 } from "../../src/predict/bfloat16.ts";
import { HEIGHT, picture, predictor, tinyPredictor, WIDTH } from "../tiny-video.ts";

const frames = Array.from({ length: 20 }, (_, i) => picture(i));

async function all(run: AsyncIterable<FrameMasks>): Promise<FrameMasks[]> {
  return await Array.fromAsync(run);
}

const at = (masks: FrameMasks | undefined, object: string | number) =>
  masks?.objects.find((each) => each.object === object) as ObjectMask;

/** The largest difference of logits. */
function difference(a: ObjectMask, b: ObjectMask): number {
  const { data } = b.logits;
  return a.logits.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (data[i] as number))), 0);
}

const square = (left: number, top: number, side: number): Mask => {
  const data = new Uint8Array(WIDTH * HEIGHT);
  for (let y = top; y < top + side; y++) data.fill(1, y * WIDTH + left, y * WIDTH + left + side);
  return { width: WIDTH, height: HEIGHT, data };
};

describe("a session", () => {
  test("follows an object from its first prompt to the end", async () => {
    const session = await predictor.video(frames);
    expect(session.frameCount).toBe(20);
    const answer = await session.addPoints("a", 2, [[30, 20]], [1]);
    expect(answer.frame).toBe(2);
    expect(at(answer, "a").logits.shape).toEqual([1, HEIGHT, WIDTH]);
    const done: number[] = [];
    const found = await all(session.propagate({ progress: (count, total) => done.push(count / total) }));
    expect(found.map(({ frame }) => frame)).toEqual(Array.from({ length: 18 }, (_, i) => i + 2));
    expect(done.at(-1)).toBe(1);
    expect(difference(at(found[0], "a"), at(answer, "a"))).toBe(0);
    expect(found.map((masks) => at(masks, "a").conditioning)).toEqual([true, ...new Array(17).fill(false)]);
  });

  test.each(["2.0", "2.1"] as const)(
    "takes any side that is a multiple of 32: SAM %s at 96",
    async (version) => {
      const session = await tinyPredictor({ version, image: 96 }).video(frames.slice(0, 3));
      await session.addPoints("a", 0, [[30, 20]], [1]);
      const found = await all(session.propagate());
      expect(at(found[2], "a").lowRes?.shape).toEqual([1, 24, 24]);
      expect(at(found[2], "a").logits.data.every(Number.isFinite)).toBe(true);
    },
  );

  test("goes backwards, and nowhere from the first frame", async () => {
    const session = await predictor.video(frames);
    await session.addBox("a", 4, [10, 10, 40, 30]);
    const back = await all(session.propagate({ reverse: true, max: 3 }));
    expect(back.map(({ frame }) => frame)).toEqual([4, 3, 2, 1]);
    expect(await all(session.propagate({ reverse: true, start: 0 }))).toEqual([]);
  });

  test("corrections last, unless the authors' predictor is asked for", async () => {
    const corrected = async (compatibility?: "reference" | "legacy") => {
      const session = await predictor.video(frames.slice(0, 6), { compatibility });
      await session.addPoints("a", 0, [[30, 20]], [1]);
      const before = await all(session.propagate());
      const answer = await session.addPoints("a", 3, [[60, 40]], [0]);
      const after = await all(session.propagate());
      return [before[3], answer, after[3], before[4], after[4]].map((masks) => at(masks, "a"));
    };
    type Five = [ObjectMask, ObjectMask, ObjectMask, ObjectMask, ObjectMask];
    const [before, answer, after, next, nextAfter] = (await corrected()) as Five;
    expect(difference(before, answer)).toBeGreaterThan(0.01);
    expect(difference(after, answer)).toBe(0);
    expect(after.conditioning).toBe(true);
    expect(difference(next, nextAfter)).toBeGreaterThan(1e-4);
    const [lostBefore, , lostAfter] = (await corrected("reference")) as Five;
    expect(difference(lostBefore, lostAfter)).toBe(0);
    const [, legacyAnswer, legacyAfter] = (await corrected("legacy")) as Five;
    expect(difference(legacyAnswer, legacyAfter)).toBe(0);
    expect(legacyAfter.conditioning).toBe(false);
  });

  test("several objects in a batch are as each alone, however much is known of them", async () => {
    const say = [
      (session: VideoSession) => session.addPoints("a", 0, [[30, 20]], [1]),
      (session: VideoSession) => session.addMask("b", 2, square(40, 10, 20)),
      async (session: VideoSession) => {
        await session.addPoints(3, 0, [[50, 30]], [1]);
        await session.addBox(3, 5, [10, 10, 40, 30]);
      },
    ];
    const together = await predictor.video(frames.slice(0, 9));
    for (const one of say) await one(together);
    const found = await all(together.propagate());
    expect(together.objects).toEqual(["a", "b", 3]);
    for (const [i, object] of together.objects.entries()) {
      const alone = await predictor.video(frames.slice(0, 9));
      await say[i]?.(alone);
      for (const masks of await all(alone.propagate({ start: 0 })))
        expect(difference(at(masks, object), at(found[masks.frame], object))).toBeLessThan(1e-3);
    }
  });

  test("clicks are taken back without a trace", async () => {
    const session = await predictor.video(frames.slice(0, 2));
    const first = await session.addPoints("a", 0, [[30, 20]], [1]);
    await session.addPoints("a", 0, [[60, 40]], [0], { append: true });
    const refined = await session.addPoints("a", 0, [[30, 20]], [1]);
    const back = await session.addPoints("a", 0, [[30, 20]], [1], { refine: false });
    expect(difference(at(first, "a"), at(refined, "a"))).toBeGreaterThan(0.01);
    expect(difference(at(first, "a"), at(back, "a"))).toBe(0);
  });

  test("objects leave, and sessions start again", async () => {
    const session = await predictor.video(frames.slice(0, 4));
    await session.addPoints("a", 0, [[30, 20]], [1]);
    await session.addPoints("b", 1, [[50, 30]], [1]);
    await all(session.propagate());
    expect((await session.remove("a")).map(({ frame, objects }) => [frame, objects.length])).toEqual([
      [0, 1],
    ]);
    expect((await all(session.propagate())).map(({ frame }) => frame)).toEqual([1, 2, 3]);
    await session.reset();
    expect(session.objects).toEqual([]);
    await expect(session.propagate().next()).rejects.toThrow("expected a prompt before tracking, got none");
  });

  test("memories that were put away are made again", async () => {
    const long = Array.from({ length: 40 }, (_, i) => frames[i % 20] as Image);
    const correct = async (session: VideoSession) =>
      at(await session.addPoints("a", 8, [[60, 40]], [0]), "a");
    const session = await predictor.video(long);
    await session.addPoints("a", 0, [[30, 20]], [1]);
    await all(session.propagate());
    expect(session.remembered("a").memories[0]).toBe(23);
    const other = await predictor.video(long);
    await other.addPoints("a", 0, [[30, 20]], [1]);
    await all(other.propagate({ max: 8 }));
    expect(difference(await correct(session), await correct(other))).toBe(0);
  });

  test("says what a frame attends to", async () => {
    const session = await predictor.video(frames);
    await session.addPoints("a", 0, [[30, 20]], [1]);
    await all(session.propagate({ max: 9 }));
    expect(await session.attention("a", 0)).toBeUndefined();
    const { memories, pointers } = (await session.attention("a", 9)) as MemoryUse;
    expect(memories.map(({ frame }) => frame)).toEqual([0, 3, 4, 5, 6, 7, 8]);
    expect(memories[0]?.cells.shape).toEqual([1, 4, 4]);
    expect(pointers.map(({ frame }) => frame)).toEqual([0, 8, 7, 6, 5, 4, 3, 2, 1]);
    const shares = [
      ...memories.flatMap(({ cells }) => [...cells.data]),
      ...pointers.map(({ share }) => share),
    ];
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
  });

  test("memories at half their resolution give other masks, that are close", async () => {
    const follow = async (pooled: boolean) => {
      const session = await predictor.video(frames.slice(0, 9), { pooled });
      await session.addPoints("a", 0, [[30, 20]], [1]);
      await session.addPoints("b", 2, [[50, 30]], [1]);
      return at((await all(session.propagate()))[8], "a");
    };
    const [whole, pooled] = [await follow(false), await follow(true)];
    const spread = Math.max(...whole.logits.data) - Math.min(...whole.logits.data);
    expect(difference(whole, pooled)).toBeGreaterThan(1e-6 * spread);
    expect(difference(whole, pooled)).toBeLessThan(0.05 * spread);
  });

  test("every pixel has one object at most, if that is asked for", async () => {
    const session = await predictor.video(frames.slice(0, 2), { nonOverlapping: true });
    await session.addMask("a", 0, square(10, 10, 20));
    const { objects } = await session.addMask("b", 0, square(20, 10, 20));
    const [a, b] = objects.map(({ logits }) => maskOf(logits)) as [Mask, Mask];
    expect(maskArea(a)).toBeGreaterThan(0);
    expect(a.data.some((value, i) => value === 1 && b.data[i] === 1)).toBe(false);
  });

  test("frames are read when they are needed, and few are kept", async () => {
    const read: number[] = [];
    const session = await predictor.video(
      {
        count: 6,
        frame: (i) => {
          read.push(i);
          return picture(i);
        },
      },
      { cachedFrames: 2 },
    );
    await session.addPoints("a", 0, [[30, 20]], [1]);
    await all(session.propagate({ max: 2 }));
    expect(read).toEqual([0, 0, 1, 2]);
    await all(session.propagate({ start: 1, max: 1 }));
    expect(read).toEqual([0, 0, 1, 2]);
  });

  test("an aborted run stops before the next frame, and what was found stays", async () => {
    const session = await predictor.video(frames);
    await session.addPoints("a", 0, [[30, 20]], [1]);
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async () => {
      for await (const { frame } of session.propagate({ signal: controller.signal })) {
        seen.push(frame);
        if (frame === 2) controller.abort();
      }
    };
    await expect(run()).rejects.toThrow(/abort/i);
    expect(seen).toEqual([0, 1, 2]);
    expect(session.state("a", 2)).toBeDefined();
    expect(session.state("a", 3)).toBeUndefined();
  });
});

describe("what does not fit is refused, and changes nothing", async () => {
  const session = await predictor.video(frames.slice(0, 4));
  await session.addPoints("a", 0, [[30, 20]], [1]);
  test.each<[string, () => Promise<unknown>, string, RegExp]>([
    [
      "a point outside",
      () => session.addPoints("b", 1, [[81, 3]], [1]),
      "bad-prompt",
      /x from 0 to 80.*81, 3/,
    ],
    ["NaN", () => session.addPoints("a", 1, [[Number.NaN, 3]], [1]), "bad-prompt", /NaN, 3/],
    [
      "a box with swapped corners",
      () => session.addBox("b", 1, [40, 3, 10, 20]),
      "bad-prompt",
      /left < right/,
    ],
    [
      "a mask of another size",
      () => session.addMask("b", 1, { width: 8, height: 8, data: new Uint8Array(64) }),
      "bad-prompt",
      /80 x 48 pixels.*8 x 8/,
    ],
    [
      "a box that joins points",
      () => session.addPoints("a", 0, [], [], { box: [1, 1, 9, 9], append: true }),
      "bad-prompt",
      /cannot be appended/,
    ],
    ["a frame after the last", () => session.addBox("b", 4, [1, 1, 9, 9]), "bad-frame", /from 0 to 3, got 4/],
    ["an object that was not named", () => session.clear("b", 0), "unknown-object", /\(a\), got b/],
    ["removing it", () => session.remove("b"), "unknown-object", /got b/],
  ])("%s", async (_, call, code, message) => {
    await expect(call()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(session.objects).toEqual(["a"]);
    expect(session.promptedFrames("a")).toEqual([0]);
  });

  test("frames that change size, and a source that breaks off", async () => {
    const broken = await predictor.video({
      count: 5,
      frame: async (i) => {
        if (i === 4) throw new Error("the file ends here");
        return i === 2 ? new Image(10, 10, 3) : picture(i);
      },
    });
    await broken.addPoints("a", 0, [[30, 20]], [1]);
    await expect(all(broken.propagate())).rejects.toThrow(
      "frame 2: expected 80 x 48 like the first, got 10 x 10",
    );
    expect((await all(broken.propagate({ max: 1 }))).length).toBe(2);
    await expect(broken.addBox("b", 4, [1, 1, 9, 9])).rejects.toThrow("the file ends here");
    expect(broken.objects).toEqual(["a"]);
    await expect(predictor.video([])).rejects.toThrow("expected at least one, got 0");
  });
});

test("memories are rounded to bfloat16 where they lie", async () => {
  const values = Float32Array.from(uniformByName("memory", 4096), (u, i) => u * 10 ** ((i % 9) - 4));
  const rounded = (await roundBfloat16(fromArray(values, [4096])).data()) as Float32Array;
  // Ties may go to the other side.
  const wanted = fromBfloat16(toBfloat16(values));
  expect(rounded.filter((value, i) => value !== wanted[i]).length).toBeLessThan(8);
  expect(fromBfloat16(toBfloat16(rounded))).toEqual(rounded);
});

describe("a stream", () => {
  test("says what a session says, while objects join, are corrected and leave", async () => {
    const session = await predictor.video(frames);
    const stream = predictor.stream();
    const found: FrameMasks[] = [];
    let tracked = -1;
    /** Brings both to a frame. */
    const reach = async (frame: number) => {
      while ((stream.frame ?? -1) < frame) found.push(await stream.push(frames[found.length] as Image));
      if (session.objects.length > 0 && frame > tracked)
        for await (const masks of session.propagate({ start: tracked + 1, max: frame - tracked - 1 }))
          for (const mask of masks.objects)
            expect(
              difference(mask, at(found[masks.frame], mask.object)),
              `frame ${masks.frame}`,
            ).toBeLessThan(1e-4);
      tracked = frame;
    };
    const both = async (say: (to: "session" | "stream") => Promise<FrameMasks>) => {
      const [a, b] = [await say("session"), await say("stream")];
      for (const mask of a.objects) expect(difference(mask, at(b, mask.object))).toBeLessThan(1e-4);
    };
    await reach(1);
    await both((to) =>
      to === "session" ? session.addPoints("a", 1, [[30, 20]], [1]) : stream.addPoints("a", [[30, 20]], [1]),
    );
    await reach(5);
    await both((to) =>
      to === "session"
        ? session.addMask("b", 5, square(40, 10, 20))
        : stream.addMask("b", square(40, 10, 20)),
    );
    await reach(8);
    await both((to) =>
      to === "session" ? session.addPoints("a", 8, [[60, 40]], [0]) : stream.addPoints("a", [[60, 40]], [0]),
    );
    await both((to) =>
      to === "session"
        ? session.addPoints("a", 8, [[20, 20]], [1], { append: true })
        : stream.addPoints("a", [[20, 20]], [1], { append: true }),
    );
    await reach(14);
    await session.remove("b");
    await stream.remove("b");
    await reach(19);
    expect(found.at(-1)?.objects.map(({ object }) => object)).toEqual(["a"]);
  });

  test("remembers as much after hundreds of frames as after twenty", async () => {
    const stream = predictor.stream({ conditioning: 3 });
    const counts: number[][] = [];
    for (let i = 0; i < 200; i++) {
      await stream.push(frames[i % frames.length] as Image);
      if (i % 60 === 0) await stream.addPoints("a", [[30, 20]], [1]);
      if (i % 25 === 10) await stream.addBox(`b${i}`, [10, 10, 40, 30]);
      if (i % 25 === 20) await stream.remove(`b${i - 10}`);
      const { conditioning, memories, pointers } = stream.remembered("a");
      counts.push([conditioning.length, memories.length, pointers.length]);
    }
    // Those with a prompt join at the next frame.
    expect(stream.remembered("a").conditioning).toEqual([0, 120, 180]);
    expect(stream.remembered("a").memories).toEqual([193, 194, 195, 196, 197, 198, 199]);
    expect(Math.max(...counts.map(([, memories]) => memories as number))).toBe(7);
    expect(Math.max(...counts.map(([, , pointers]) => pointers as number))).toBeLessThanOrEqual(19);
    expect(stream.objects).toEqual(["a"]);
  });

  test("takes back what was said about the newest frame", async () => {
    const stream = predictor.stream();
    await stream.push(picture(0));
    await stream.addPoints("a", [[30, 20]], [1]);
    expect(at(await stream.clear("a"), "a").lowRes).toBeUndefined();
    expect(at(await stream.push(picture(1)), "a").lowRes).toBeUndefined();
    await stream.addPoints("a", [[30, 20]], [1]);
    expect(at(await stream.push(picture(2)), "a").lowRes).toBeDefined();
  });

  test("refuses what does not fit, and changes nothing", async () => {
    const stream = predictor.stream();
    await expect(stream.addBox("a", [1, 1, 9, 9])).rejects.toThrow(
      "expected a frame before the first prompt",
    );
    await stream.push(picture(0));
    await stream.addBox("a", [1, 1, 9, 9]);
    await expect(stream.push(new Image(9, 9, 3))).rejects.toThrow(
      "frame 1: expected 80 x 48 like the first, got 9 x 9",
    );
    await expect(stream.addPoints("b", [[90, 1]], [1])).rejects.toMatchObject({ code: "bad-prompt" });
    await expect(stream.remove("b")).rejects.toMatchObject({ code: "unknown-object" });
    expect(stream.objects).toEqual(["a"]);
    expect((await stream.push(picture(1))).frame).toBe(1);
  });
});
